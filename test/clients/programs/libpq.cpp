#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "requests_of_key.hpp"

namespace {

struct Principal {
  const char *name, *variable;
  const char *key() const { return getenv(variable); }
};
const std::vector<Principal> principals = {
    {"acme", "ACME"}, {"bad", "BAD"}, {"mia", "MIA"}, {"globex", "GLOBEX"}};

void report(const char *way, const char *principal, const Result &result) {
  std::cout << way << ' ' << principal << ':';
  for (int row = 0; row < PQntuples(result.get()); row++)
    std::cout << ' ' << PQgetvalue(result.get(), row, 0);
  if (const char *state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE)) {
    const char *reason = PQresultErrorField(result.get(), PG_DIAG_CONSTRAINT_NAME);
    std::cout << ' '
              << (reason != nullptr && std::string(reason) == "invalid_credential" ? state
                                                                                   : "without a reason");
  }
  std::cout << '\n';
}

}  // namespace

int main() {
  for (const Principal &who : principals) report("connection", who.name, requests(connect(who.key()).get()));
  report("connection", "nobody", requests(connect("").get()));

  // Nobody comes last, on the connection that served all others, and gives no key.
  const Connection connection(PQconnectdb(""), PQfinish);
  for (const Principal &who : principals)
    report("transaction", who.name, requests_of_transaction(connection.get(), who.key()));
  report("transaction", "nobody", requests(connection.get()));
}
