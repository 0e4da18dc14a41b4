# What the programs of Ruby clients share: the keys they are given, and how they print what they see.
KEYS = %w[acme bad mia globex].to_h { |name| [name, ENV.fetch(name.upcase)] }
LAST_SEEN = {}

# `seen` are ids of rows, or one SQLSTATE.
def report(way, principal, seen)
  LAST_SEEN[principal] = seen
  puts ["#{way} #{principal}:", *seen].join(" ")
end

# 200 requests by 40 threads, over however few connections the client has.  The block gets a key.
def report_parallel
  work = Queue.new
  200.times { |number| work << KEYS.merge("nobody" => "").to_a[number % 5] }
  work.close
  threads = Array.new(40) do
    Thread.new do
      right = 0
      while (name, key = work.pop)
        right += 1 if yield(key) == LAST_SEEN[name]
      end
      right
    end
  end
  puts "parallel: #{threads.sum(&:value)} right"
end
