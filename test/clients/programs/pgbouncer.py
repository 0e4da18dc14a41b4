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


def start(folder, port):
    """In a folder that belongs to whom it runs as."""
    with open("pgbouncer.ini") as page:
        settings = page.read().replace("port=5432", "port=" + os.environ["PGPORT"])
    settings = re.sub("listen_port = .*", f"listen_port = {port}", settings)
    settings = settings.replace("users.txt", folder + "/users.txt")
    settings += "default_pool_size = 1\nunix_socket_dir =\n"
    with open(folder + "/pgbouncer.ini", "w") as file:
        file.write(settings)
    with open(folder + "/users.txt", "w") as file:
        file.write('"{PGUSER}" "{PGPASSWORD}"\n'.format(**os.environ))
    command = [shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin"), "-q", folder + "/pgbouncer.ini"]
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
def two_clients():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        pool = start(folder, port)
        try:
            wait_for(port)
            pgbouncer = f"host=127.0.0.1 port={port}"
            with connect(pgbouncer) as one, connect(pgbouncer) as other:
                yield one, other
        finally:
            pool.terminate()
            pool.wait()


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
