import psycopg

from pool import pool, requests_of_request
from report import KEYS, report, report_parallel
from requests_of_key import REQUESTS, requests_of_connection, requests_of_transaction


def seen(requests_of):
    try:
        return [row[0] for row in requests_of()]
    except psycopg.Error as error:
        return [error.sqlstate if error.diag.constraint_name == "invalid_credential" else f"{error} without a reason"]


for name, key in {**KEYS, "nobody": ""}.items():
    report("connection", name, seen(lambda: requests_of_connection(key)))

# Nobody comes last, on the connection that served all others, and gives no key.
with psycopg.connect(autocommit=True) as conn:
    for name, key in KEYS.items():
        report("transaction", name, seen(lambda: requests_of_transaction(conn, key)))
    report("transaction", "nobody", seen(lambda: conn.execute(REQUESTS)))

report_parallel(lambda key: seen(lambda: requests_of_request(key)))
pool.close()
