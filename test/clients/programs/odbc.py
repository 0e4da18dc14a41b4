import pyodbc

from report import KEYS, report
from requests_of_key import REQUESTS, connect, requests_of_connection, requests_of_transaction


def seen(requests_of):
    try:
        return [row[0] for row in requests_of()]
    except pyodbc.Error as error:
        return [error.args[0]]


for name, key in {**KEYS, "nobody": ""}.items():
    report("connection", name, seen(lambda: requests_of_connection(key)))

# Nobody comes last, on the connection that served all others, and gives no key.
conn = connect()
for name, key in KEYS.items():
    report("transaction", name, seen(lambda: requests_of_transaction(conn, key)))
report("transaction", "nobody", seen(lambda: conn.execute(REQUESTS)))
