#include "pool/clients.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tenancy::test {
namespace {

class Client {
 public:
  Client(const std::string &parameters, std::function<std::optional<Script>()> next, Report &report)
      : connection_(PQconnectStart(parameters.c_str()), &PQfinish), next_(std::move(next)), report_(report) {
    // Notices would go to the standard error.
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
    if (PQstatus(connection_.get()) == CONNECTION_BAD) give_up(PQerrorMessage(connection_.get()));
  }

  bool is_done() const { return state_ == State::done; }
  pollfd wanted() const {
    const bool writing = wants_ == PGRES_POLLING_WRITING;
    return {PQsocket(connection_.get()), static_cast<short>(writing ? POLLOUT : POLLIN), 0};
  }

  /// To be called when the socket is ready.
  void go_on() {
    if (state_ == State::connecting) {
      wants_ = PQconnectPoll(connection_.get());
      if (wants_ == PGRES_POLLING_FAILED) return give_up(PQerrorMessage(connection_.get()));
      if (wants_ != PGRES_POLLING_OK) return;
      wants_ = PGRES_POLLING_READING;
      state_ = State::running;
      return send_next();
    }
    if (PQconsumeInput(connection_.get()) == 0) return give_up(PQerrorMessage(connection_.get()));
    while (PQisBusy(connection_.get()) == 0) {
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_.get()), &PQclear);
      if (result == nullptr) {
        finish_step();
        return send_next();
      }
      check(result.get());
    }
  }

 private:
  enum class State { connecting, running, done };

  const Step &step() const { return script_[at_]; }

  void give_up(const std::string &problem) {
    if (report_.problem.empty()) report_.problem = problem;
    state_ = State::done;
  }

  void send_next() {
    if (state_ == State::done) return;
    if (at_ == script_.size()) {
      std::optional<Script> script = next_();
      if (!script) {
        state_ = State::done;
        connection_.reset();
        return;
      }
      script_ = std::move(*script);
      at_ = 0;
    }
    std::vector<const char *> values;
    for (const std::string &value : step().values) values.push_back(value.c_str());
    // The statements are short: the socket takes them at once.
    const int sent = values.empty() ? PQsendQuery(connection_.get(), step().sql.c_str())
                                    : PQsendQueryParams(connection_.get(), step().sql.c_str(),
                                                        static_cast<int>(values.size()), nullptr,
                                                        values.data(), nullptr, nullptr, 0);
    if (sent == 0) give_up(PQerrorMessage(connection_.get()));
    report_.statements++;
    error_.clear();
  }

  void check(const PGresult *result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK && PQnfields(result) == 1) {
      if (strcmp(PQfname(result, 0), "id") == 0) check_ids(result);
      if (strcmp(PQfname(result, 0), "count") == 0) check_count(result);
    } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      error_ = state == nullptr ? "lost" : state;
      if (error_ != step().error) give_up(step().sql + ": " + PQresultErrorMessage(result));
    }
  }

  void check_ids(const PGresult *result) {
    const int rows = PQntuples(result);
    int own = 0;
    for (int row = 0; row < rows; row++)
      own += static_cast<int>(step().ids.count(atoi(PQgetvalue(result, row, 0))));
    report_.answers++;
    report_.rows += rows;
    report_.foreign_rows += rows - own;
    report_.missing_rows += static_cast<int>(step().ids.size()) - own;
  }

  void check_count(const PGresult *result) {
    report_.answers++;
    if (static_cast<size_t>(atoi(PQgetvalue(result, 0, 0))) != step().ids.size()) report_.wrong_counts++;
  }

  void finish_step() {
    if (state_ == State::done) return;
    if (error_.empty() && !step().error.empty()) give_up(step().sql + ": no error");
    at_++;
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::function<std::optional<Script>()> next_;
  Report &report_;
  State state_ = State::connecting;
  PostgresPollingStatusType wants_ = PGRES_POLLING_WRITING;
  Script script_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace

Report run_clients(int count, const std::function<std::string(int client)> &parameters,
                   const std::function<std::optional<Script>(int client)> &next) {
  Report report;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < count; i++)
    clients.push_back(std::make_unique<Client>(
        parameters(i), [i, &next] { return next(i); }, report));
  // Only so that nothing waits for ever.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!clients.empty()) {
    std::vector<pollfd> wanted;
    for (const auto &client : clients) wanted.push_back(client->wanted());
    poll(wanted.data(), wanted.size(), 1000);
    for (size_t i = 0; i < clients.size(); i++)
      if (wanted[i].revents != 0) clients[i]->go_on();
    std::erase_if(clients, [](const auto &client) { return client->is_done(); });
    if (std::chrono::steady_clock::now() > deadline) {
      report.problem = "the clients did not come to an end";
      return report;
    }
  }
  return report;
}

}  // namespace tenancy::test
