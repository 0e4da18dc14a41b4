"""Starts pgpool with the page's settings, but for the ports, and one server connection for all clients."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg

from report import KEYS, report
from requests_of_key import REQUESTS, requests_of_connection, requests_of_transaction


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, port):
    with open("pgpool.conf") as page:
        settings = page.read().replace("5432", os.environ["PGPORT"])
    settings = re.sub("(?m)^port = .*", f"port = {port}", settings)
    settings += f"pcp_port = {free_port()}\nsocket_dir = '{folder}'\npcp_socket_dir = '{folder}'\npid_file_name = '{folder}/pid'\n" \
                f"logdir = '{folder}'\nwork_dir = '{folder}'\n"
    for name, content in {
        "pgpool.conf": settings,
        "pool_hba.conf": "host all all 127.0.0.1/32 scram-sha-256\n",
        "pool_passwd": "{PGUSER}:TEXT{PGPASSWORD}\n".format(**os.environ),
        "pcp.conf": "",
    }.items():
        with open(f"{folder}/{name}", "w") as file:
            file.write(content)
    command = [shutil.which("pgpool", path=os.environ["PATH"] + ":/usr/sbin"), "-n", "-f", f"{folder}/pgpool.conf",
               "-a", f"{folder}/pool_hba.conf", "-F", f"{folder}/pcp.conf"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open("pgpool.log", "w"))


@contextlib.contextmanager
def pgpool():
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        pool = start(folder, port)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"host=127.0.0.1 port={port}"
        finally:
            pool.terminate()
            pool.wait()


def seen(requests_of):
    try:
        return [row[0] for row in requests_of()]
    except psycopg.Error as error:
        return [error.sqlstate or str(error)]


def server_of(conn):
    return conn.execute("SELECT pg_backend_pid()").fetchone()[0]


with pgpool() as address:
    # One after the other through one process of pgpool, which keeps the server's connection.
    for name, key in KEYS.items():
        report("connection", name, seen(lambda: requests_of_connection(address, key)))
    report("connection", "nobody", seen(lambda: requests_of_connection(address, "")))
    with psycopg.connect(address, autocommit=True) as conn:
        for name, key in KEYS.items():
            report("transaction", name, seen(lambda: requests_of_transaction(conn, key)))
        report("transaction", "nobody", seen(lambda: conn.execute(REQUESTS)))
        # Forgotten, for the next client on the same server connection.
        conn.execute("SELECT set_config('tenancy.api_key', %s, false)", [KEYS["acme"]])
        before = server_of(conn)
    with psycopg.connect(address, autocommit=True) as conn:
        same = server_of(conn) == before
        report("cleaned", "same connection" if same else "another connection", seen(lambda: conn.execute(REQUESTS)))
