require "./report"
require "./requests_of_key"

def seen
  yield.map { |row| row["request_id"] }
rescue PG::Error => error
  [error.result.error_field(PG::PG_DIAG_SQLSTATE)]
end

KEYS.merge("nobody" => "").each { |name, key| report("connection", name, seen { requests_of_connection(key) }) }

# Nobody comes last, on the connection that served all others, and gives no key.
conn = PG.connect
KEYS.each { |name, key| report("transaction", name, seen { requests_of_transaction(conn, key) }) }
report("transaction", "nobody", seen { conn.exec(REQUESTS) })

pool = Queue.new
4.times { pool << PG.connect }
report_parallel do |key|
  own = pool.pop
  seen { requests_of_transaction(own, key) }
ensure
  pool << own
end
