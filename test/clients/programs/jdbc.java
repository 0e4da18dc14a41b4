import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.util.PSQLException;

class main {
  interface Query {
    List<Long> run() throws SQLException;
  }

  static final Map<String, String> lastSeen = new ConcurrentHashMap<>();

  static String seen(Query query) {
    StringBuilder seen = new StringBuilder();
    try {
      for (long request : query.run()) seen.append(" ").append(request);
    } catch (SQLException error) {
      String reason = ((PSQLException) error).getServerErrorMessage().getConstraint();
      seen.append(" ").append("invalid_credential".equals(reason) ? error.getSQLState() : error + " without a reason");
    }
    return seen.toString();
  }

  static void report(String way, String principal, Query query) {
    lastSeen.put(principal, seen(query));
    System.out.println(way + " " + principal + ":" + lastSeen.get(principal));
  }

  // 200 requests at a time: each has to see what its principal saw before, one after the other.
  static void reportParallel(Pool pool) throws InterruptedException {
    List<String> names = List.of("acme", "bad", "mia", "globex", "nobody");
    AtomicInteger right = new AtomicInteger();
    var threads = Executors.newFixedThreadPool(200);
    for (int number = 0; number < 200; number++) {
      String name = names.get(number % names.size());
      threads.execute(() -> {
        String seen = seen(() -> pool.requestsOfRequest(env(name)));
        if (seen.equals(lastSeen.get(name))) right.incrementAndGet();
        else System.err.println(name + " saw" + seen + ", not" + lastSeen.get(name));
      });
    }
    threads.shutdown();
    threads.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES);
    System.out.println("parallel: " + right + " right");
  }

  static String env(String name) {
    return System.getenv().getOrDefault(name.toUpperCase(), "");
  }

  public static void main(String[] arguments) throws SQLException, InterruptedException {
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
    reportParallel(new Pool(url, login));
    System.exit(0);
  }
}
