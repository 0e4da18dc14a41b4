// A PgBouncer of our own in front of the server that PGHOST and PGPORT name.
#pragma once

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "integration/session.hpp"

namespace tenancy::test {

/// In transaction mode, with few server connections for each login, in a folder that goes with it. It listens
/// on a Unix-domain socket there, and nowhere else.
class PgBouncer {
 public:
  static constexpr int server_connections = 4;

  /// `more` are lines for the section [pgbouncer].
  PgBouncer(const std::vector<std::string> &logins, const std::string &connect_query,
            const std::string &more = "") {
    char folder[] = "/tmp/tenancy_pool.XXXXXX";
    if (mkdtemp(folder) == nullptr) return;
    folder_ = folder;
    std::ofstream users(folder_ + "/users");
    for (const std::string &login : logins) users << '"' << login << "\" \"\"\n";
    users << "\"postgres\" \"\"\n";
    // All clients connect at once; the default lets 128 wait.
    std::ofstream(folder_ + "/ini") << "[databases]\n"
                                    << "* = host=" << getenv("PGHOST") << " port=" << getenv("PGPORT")
                                    << " connect_query='" << connect_query << "'\n"
                                    << "[pgbouncer]\n"
                                    << "pool_mode = transaction\n"
                                    << "default_pool_size = " << server_connections << "\n"
                                    << "max_client_conn = 300\n"
                                    << "listen_backlog = 300\n"
                                    << "listen_port = " << port << "\n"
                                    << "unix_socket_dir = " << folder_ << "\n"
                                    << "auth_type = trust\n"
                                    << "auth_file = " << folder_ << "/users\n"
                                    << "admin_users = postgres\n"
                                    << more << '\n';
    users.close();
    start();
  }
  ~PgBouncer() {
    if (process_ > 0) {
      kill(process_, SIGTERM);
      waitpid(process_, nullptr, 0);
    }
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  PgBouncer(const PgBouncer &) = delete;
  PgBouncer &operator=(const PgBouncer &) = delete;

  /// Where a client connects to.
  std::string address() const { return "host=" + folder_ + " port=" + port; }

  bool is_up() const {
    return process_ > 0 &&
           Session(address() + " dbname=pgbouncer user=postgres connect_timeout=2").connected();
  }

 private:
  static constexpr const char *port = "6432";

  // It refuses to run as root; then it runs as the server's user, whom the socket's folder belongs to.
  void start() {
    std::vector<std::string> command = {"pgbouncer", "-q", folder_ + "/ini"};
    struct stat server {};
    if (geteuid() == 0 && stat(getenv("PGHOST"), &server) == 0) {
      const struct passwd *user = getpwuid(server.st_uid);
      if (user == nullptr || chown(folder_.c_str(), server.st_uid, server.st_gid) != 0) return;
      command.insert(command.begin() + 1, {"-u", user->pw_name});
    }
    process_ = fork();
    if (process_ == 0) {
      std::vector<char *> arguments;
      for (std::string &argument : command) arguments.push_back(argument.data());
      arguments.push_back(nullptr);
      execvp("pgbouncer", arguments.data());
      // Debian has it where not every user looks.
      execv("/usr/sbin/pgbouncer", arguments.data());
      _exit(127);
    }
    for (int i = 0; i < 500 && !is_up() && waitpid(process_, nullptr, WNOHANG) == 0; i++)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  std::string folder_;
  pid_t process_ = -1;
};

}  // namespace tenancy::test
