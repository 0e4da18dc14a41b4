"""What the programs of Python clients share: the keys they are given, and how they print what they see."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

KEYS = {name: os.environ[name.upper()] for name in ("acme", "bad", "mia", "globex")}

last_seen = {}


def report(way, principal, seen):
    """`seen` are ids of rows, or one SQLSTATE."""
    last_seen[principal] = list(seen)
    print(" ".join([f"{way} {principal}:", *map(str, seen)]), flush=True)


def report_parallel(seen_by, threads=200):
    """200 requests at a time, or as many as there are threads: each has to see what its principal saw before, one after
    the other. `seen_by` gets a key, and returns ids or one SQLSTATE."""
    principals = list({**KEYS, "nobody": ""}.items())

    def is_right(number):
        name, key = principals[number % len(principals)]
        seen = seen_by(key)
        if seen != last_seen[name]:
            print(f"{name} saw {seen}, not {last_seen[name]}", file=sys.stderr)
        return seen == last_seen[name]

    with ThreadPoolExecutor(threads) as executor:
        print(f"parallel: {sum(executor.map(is_right, range(200)))} right", flush=True)
