"""What the programs of Python clients share: the keys they are given, and how they print what they see."""
import os

KEYS = {name: os.environ[name.upper()] for name in ("acme", "bad", "mia", "globex")}


def report(way, principal, seen):
    """`seen` are ids of rows, or one SQLSTATE."""
    print(" ".join([f"{way} {principal}:", *map(str, seen)]), flush=True)
