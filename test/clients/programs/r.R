source("requests_of_key.R")

# The driver gives the server's message, which has no SQLSTATE.
seen <- function(requests_of) {
  tryCatch(requests_of()$request_id,
           error = function(e) if (grepl("invalid or expired API key", conditionMessage(e))) "28000" else conditionMessage(e))
}

report <- function(way, principal, ids) cat(paste(c(paste0(way, " ", principal, ":"), ids), collapse = " "), "\n", sep = "")

names <- c("acme", "bad", "mia", "globex")
keys <- Sys.getenv(toupper(names))
for (i in 1:4) report("connection", names[i], seen(function() requests_of_connection(keys[i])))
report("connection", "nobody", seen(function() requests_of_connection("")))

# Nobody comes last, on the connection that served all others, and gives no key.
con <- connect()
for (i in 1:4) report("transaction", names[i], seen(function() requests_of_transaction(con, keys[i])))
report("transaction", "nobody", seen(function() query(con, REQUESTS)))
