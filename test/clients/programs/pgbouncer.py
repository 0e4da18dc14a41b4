"""Starts PgBouncer with the page's settings, but for the ports, and one server connection for all clients."""
import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg

from report import KEYS, report
from requests_of_key import REQUESTS, connect, requests_of_transaction


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PROGRAM = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")


def start(folder, port, mode, more):
    """In a folder that belongs to whom it runs as."""
    with open("pgbouncer.ini") as page:
        settings = page.read().replace("port=5432", "port=" + os.environ["PGPORT"])
    settings = re.sub("pool_mode = .*", f"pool_mode = {mode}", settings)
    settings = re.sub("listen_port = .*", f"listen_port = {port}", settings)
    settings = settings.replace("users.txt", folder + "/users.txt")
    settings += "default_pool_size = 1\nunix_socket_dir =\n" + more
    with open(folder + "/pgbouncer.ini", "w") as file:
        file.write(settings)
    with open(folder + "/users.txt", "w") as file:
        file.write('"{PGUSER}" "{PGPASSWORD}"\n'.format(**os.environ))
    command = [PROGRAM, "-q", folder + "/pgbouncer.ini"]
    if os.geteuid() == 0:
        # It refuses to run as root.
        command[1:1] = ["-u", "postgres"]
        for path in (folder, folder + "/pgbouncer.ini", folder + "/users.txt"):
            os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
    return subprocess.Popen(command)


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


@contextlib.contextmanager
def pool_in(mode, more=""):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        pool = start(folder, port, mode, more)
        try:
            wait_for(port)
            yield f"host=127.0.0.1 port={port}"
        finally:
            pool.terminate()
            pool.wait()


@contextlib.contextmanager
def two_clients():
    with pool_in("transaction") as pgbouncer, connect(pgbouncer) as one, connect(pgbouncer) as other:
        yield one, other


def seen(requests_of):
    try:
        return [row[0] for row in requests_of()]
    except psycopg.Error as error:
        return [error.sqlstate]


def seen_after_forgotten_set(one, other):
    one.execute("SELECT set_config('tenancy.api_key', %s, false)", [KEYS["acme"]])
    return seen(lambda: other.execute(REQUESTS))


with two_clients() as (one, other):
    # They take turns on the server connection, each with another key than before.
    for conn, (name, key) in zip((one, other, one, other), KEYS.items()):
        report("transaction", name, seen(lambda: requests_of_transaction(conn, key)))
    report("transaction", "nobody", seen(lambda: one.execute(REQUESTS)))
    report("forgotten", "leaks", seen_after_forgotten_set(one, other))

with psycopg.connect(os.environ["SUPERUSER"], autocommit=True) as superuser:
    with open("safe_behind_a_pool.sql") as page:
        superuser.execute(page.read())
    with two_clients() as (one, other):
        report("forgotten", "harmless", seen_after_forgotten_set(one, other))
    superuser.execute("ALTER DATABASE shop RESET ALL")

# A client after the other on the one server connection
with pool_in("session") as pgbouncer:
    with connect(pgbouncer) as conn:
        conn.execute("SELECT set_config('tenancy.api_key', %s, false)", [KEYS["acme"]])
        report("session", "acme", seen(lambda: conn.execute(REQUESTS)))
    with connect(pgbouncer) as conn:
        report("session", "next client", seen(lambda: conn.execute(REQUESTS)))

with psycopg.connect(os.environ["SUPERUSER"], autocommit=True) as superuser:
    with open("requests_of_statement.sql") as page:
        superuser.execute(page.read())
with pool_in("statement") as pgbouncer:
    with connect(pgbouncer) as conn:
        try:
            requests_of_transaction(conn, KEYS["acme"])
            report("statement", "transaction", ["accepted"])
        except psycopg.Error:
            report("statement", "transaction", ["refused"])
    with connect(pgbouncer) as conn:
        report("statement", "one statement", seen(lambda: conn.execute("SELECT * FROM requests_of(%s)", [KEYS["acme"]])))
    with connect(pgbouncer) as conn:
        report("statement", "next client", seen(lambda: conn.execute(REQUESTS)))

# Statements prepared by the protocol, where this PgBouncer knows them: one statement, for each key in turn.
version = re.search(r"(\d+)\.(\d+)", subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout)
prepared = (int(version[1]), int(version[2])) >= (1, 21)
with pool_in("transaction", "max_prepared_statements = 100\n" if prepared else "") as pgbouncer:
    with psycopg.connect(pgbouncer, autocommit=True, prepare_threshold=0 if prepared else None) as conn:
        for name, key in KEYS.items():
            report("prepared", name, seen(lambda: requests_of_transaction(conn, key)))
        report("prepared", "nobody", seen(lambda: conn.execute(REQUESTS)))
        names = conn.execute("SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement LIKE '%%request_id%%'").fetchone()
        if names[0] != prepared:
            print("prepared on the server:", names[0])
