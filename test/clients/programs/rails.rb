require "./report"
require "./tenancy"
require "./request"

DATABASE = { adapter: "postgresql", pool: 4, checkout_timeout: 60 }

def seen
  yield
rescue ActiveRecord::StatementInvalid => error
  [Tenancy.sqlstate(error)]
end

def ids = Request.order(:request_id).pluck(:request_id)

def requests_of_transaction(key) = seen { Tenancy.as_key(key) { ids } }

KEYS.merge("nobody" => "").each do |name, key|
  ActiveRecord::Base.establish_connection(DATABASE.merge(options: "-c tenancy.api_key=#{key}"))
  report("connection", name, seen { ids })
end

ActiveRecord::Base.establish_connection(DATABASE)
# Within Rails' query cache, as in a request.
ActiveRecord::Base.cache do
  KEYS.each { |name, key| report("transaction", name, requests_of_transaction(key)) }
  report("transaction", "nobody", seen { ids })
end
report_parallel { |key| ActiveRecord::Base.connection_pool.with_connection { requests_of_transaction(key) } }
