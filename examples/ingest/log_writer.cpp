// Writes request logs to the tables of tenancy.create_observability(), by libpq in pipeline mode: many rows
// on their way at once, each checked and stamped by the database with the API key that writes it.
//
//   g++ -std=c++20 -O2 -I"$(pg_config --includedir)" log_writer.cpp -lpq -o log_writer
//   LOG_API_KEY=pgt_… ./log_writer 'host=… dbname=… user=…' [rows per transaction] <lines
//
// A line is one request: start time, end time, model, HTTP status, input tokens, output tokens, cost,
// metadata (JSON), request (JSON), response (JSON), separated by tabs; an empty field is NULL. The exit
// status is 1 if a line could not be written; the others are.
#include <libpq-fe.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t field_count = 10;

struct Line {
  long number;
  std::vector<std::string> fields;
};
using Batch = std::vector<Line>;

constexpr const char *insert_sql =
    "WITH entry AS (INSERT INTO observability.logs (start_time, end_time, request_model, "
    "http_response_status_code,"
    " usage_input_tokens, usage_output_tokens, cost, metadata)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8::jsonb, '{}')) RETURNING log_id, start_time)"
    " INSERT INTO observability.log_payloads (log_id, start_time, request, response)"
    " SELECT log_id, start_time, $9, $10 FROM entry";

std::vector<std::string> split(const std::string &line) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = line.find('\t', begin);
    fields.push_back(line.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return fields;
    begin = end + 1;
  }
}

class Writer {
 public:
  Writer(const char *connection, std::string api_key)
      : connection_(PQconnectdb(connection), &PQfinish), api_key_(std::move(api_key)) {}

  bool start() {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
    const Result prepared(PQprepare(connection_.get(), "insert", insert_sql, field_count, nullptr), &PQclear);
    return PQresultStatus(prepared.get()) == PGRES_COMMAND_OK && PQenterPipelineMode(connection_.get()) == 1;
  }

  /// Sends a batch, which is one transaction, and waits for an earlier one only when too many are on their
  /// way.
  void write(Batch batch) {
    if (batch.empty()) return;
    send(batch);
    under_way_.push_back(std::move(batch));
    if (under_way_.size() >= 4) finish_oldest();
  }

  void finish() {
    while (!under_way_.empty()) finish_oldest();
  }

  std::string error() const { return PQerrorMessage(connection_.get()); }
  long written() const { return written_; }
  long refused() const { return refused_; }

 private:
  using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

  // Everything between two synchronization points is one transaction. The key is set in each, as a pooler in
  // transaction mode needs it, and as a parameter, which no log of statements shows.
  void send(const Batch &batch) {
    const char *key = api_key_.c_str();
    PQsendQueryParams(connection_.get(), "SELECT set_config('tenancy.api_key', $1, true)", 1, nullptr, &key,
                      nullptr, nullptr, 0);
    for (const Line &line : batch) {
      std::array<const char *, field_count> values{};
      for (std::size_t i = 0; i < field_count; i++)
        values[i] = line.fields[i].empty() ? nullptr : line.fields[i].c_str();
      PQsendQueryPrepared(connection_.get(), "insert", field_count, values.data(), nullptr, nullptr, 0);
    }
    PQpipelineSync(connection_.get());
  }

  /// What went wrong with a batch, or nothing. An error undoes all of it.
  std::string outcome() {
    std::string error;
    for (;;) {
      const Result result(PQgetResult(connection_.get()), &PQclear);
      if (!result) {
        // The end of one statement's results, or of the connection.
        if (PQstatus(connection_.get()) != CONNECTION_OK) return this->error();
        continue;
      }
      const ExecStatusType status = PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) return error;
      if (status == PGRES_FATAL_ERROR && error.empty()) error = PQresultErrorMessage(result.get());
    }
  }

  void finish_oldest() {
    const Batch batch = std::move(under_way_.front());
    under_way_.pop_front();
    const std::string error = outcome();
    if (error.empty()) {
      written_ += static_cast<long>(batch.size());
    } else if (batch.size() == 1 || PQstatus(connection_.get()) != CONNECTION_OK) {
      refused_ += static_cast<long>(batch.size());
      std::cerr << "line " << batch.front().number << ": " << error;
    } else {
      // One line is to blame: each by itself, after what is under way.
      for (const Line &line : batch) {
        send({line});
        under_way_.push_back({line});
      }
    }
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string api_key_;
  std::deque<Batch> under_way_;
  long written_ = 0;
  long refused_ = 0;
};

}  // namespace

int main(int argc, char **argv) {
  const char *api_key = std::getenv("LOG_API_KEY");
  const long batch_size = argc > 2 ? std::atol(argv[2]) : 500;
  if (argc < 2 || api_key == nullptr || batch_size < 1) {
    std::cerr << "usage: LOG_API_KEY=… " << argv[0] << " CONNECTION [ROWS PER TRANSACTION] <LINES\n";
    return 2;
  }
  Writer writer(argv[1], api_key);
  if (!writer.start()) {
    std::cerr << writer.error();
    return 2;
  }
  Batch batch;
  std::string text;
  long malformed = 0;
  for (long number = 1; std::getline(std::cin, text); number++) {
    Line line{number, split(text)};
    if (line.fields.size() != field_count) {
      std::cerr << "line " << number << ": " << line.fields.size() << " fields, not " << field_count << '\n';
      malformed++;
      continue;
    }
    batch.push_back(std::move(line));
    if (batch.size() == static_cast<std::size_t>(batch_size)) {
      writer.write(std::move(batch));
      batch.clear();
    }
  }
  writer.write(std::move(batch));
  writer.finish();
  std::cout << writer.written() << " written, " << writer.refused() + malformed << " refused\n";
  return writer.refused() + malformed == 0 ? 0 : 1;
}
