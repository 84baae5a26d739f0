import os
from os import environ as e, getenv as g

BROKER = os.environ.setdefault("BROKER", "localhost:9092")
GROUP = g("GROUP")


def child_environment():
    return {**e, "DEBUG": "1"}


def is_traced():
    process = getattr(__import__("os"), "environ")
    return "TRACE" in process
