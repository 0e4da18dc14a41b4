import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Properties;

class main {
  interface Query {
    List<Long> run() throws SQLException;
  }

  static void report(String way, String principal, Query query) {
    StringBuilder line = new StringBuilder(way + " " + principal + ":");
    try {
      for (long request : query.run()) line.append(" ").append(request);
    } catch (SQLException error) {
      line.append(" ").append(error.getSQLState());
    }
    System.out.println(line);
  }

  static String env(String name) {
    return System.getenv().getOrDefault(name.toUpperCase(), "");
  }

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE");
    Properties login = new Properties();
    login.setProperty("user", env("PGUSER"));
    login.setProperty("password", env("PGPASSWORD"));

    for (String name : List.of("acme", "bad", "mia", "globex", "nobody")) {
      try (Connection connection = RequestsOfKey.connect(url, login, env(name))) {
        report("connection", name, () -> RequestsOfKey.requests(connection));
      }
    }
    // Nobody comes last, on the connection that served all others, and gives no key.
    try (Connection connection = DriverManager.getConnection(url, login)) {
      for (String name : List.of("acme", "bad", "mia", "globex"))
        report("transaction", name, () -> RequestsOfKey.requestsOfTransaction(connection, env(name)));
      report("transaction", "nobody", () -> RequestsOfKey.requests(connection));
    }
  }
}
