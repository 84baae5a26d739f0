"""`python -m kind up|down|load|reset|status|env`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time

from kind import cluster, engine, stack, state
from kind.programs import Failure, say
from kind.settings import kubeconfig


def up() -> None:
    """Bring the cluster and the stack to where they should be, from wherever they are."""
    begin = time.monotonic()
    found = cluster.prepare()
    cluster.create(found)
    cluster.settle()
    cluster.load(found)
    stack.install()
    state.record(seconds=round(time.monotonic() - begin))
    say(f"✓ up after {time.monotonic() - begin:.0f} s; export KUBECONFIG={kubeconfig()}")


def down() -> None:
    """Delete the cluster, and stop the engine if it was started here; images stay in the cache."""
    if engine.answers():
        cluster.remove()
    if engine.running() is not None:
        engine.tidy()
        engine.unfence()
    engine.stop()
    state.forget()
    kubeconfig().unlink(missing_ok=True)


def load() -> None:
    """Make the components' images anew where their sources have changed, and bring them into the node."""
    cluster.load(cluster.prepare())


def reset() -> None:
    """Remove the stack with all its data, and install it anew in the same cluster."""
    cluster.prepare()
    stack.reset()


def status() -> None:
    """Print what there is, as JSON; a status of 1 when the cluster does not answer."""
    facts = state.read()
    answers = engine.answers() and cluster.exists() and facts.get("node") is not None
    pods = []
    if answers:
        for pod in json.loads(cluster.kubectl("get", "pods", "--all-namespaces", "--output=json", timeout=30))["items"]:
            ready = all(c["ready"] for c in pod["status"].get("containerStatuses", [{"ready": False}]))
            pods.append({"namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"], "ready": ready})
    print(json.dumps({**facts, "answers": answers, "kubeconfig": str(kubeconfig()), "pods": pods}, indent=1))
    if not answers:
        raise SystemExit(1)


def env() -> None:
    """Print, for a shell, what an audit in the lane `kind` is told: the cluster, what was built for it, and that pods may go."""
    told = {"KUBECONFIG": kubeconfig(), "IMAGES": state.file(), "CLUSTER_FAULTS": 1}
    for name, value in told.items():
        print(f"export STRICTREAL_{name}={shlex.quote(str(value))}")


COMMANDS = {command.__name__: command for command in (up, down, load, reset, status, env)}
ASKING = {status, env}
"""Those that change nothing, and wait for nobody."""


def main() -> int:
    """Carry out one command."""
    parser = argparse.ArgumentParser(prog="python -m kind", description="A cluster on Kind with the Soma stack in it.")
    choices = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        choices.add_parser(name, help=(command.__doc__ or "").strip())
    chosen = COMMANDS[parser.parse_args().command]
    try:
        if chosen in ASKING:
            chosen()
        else:
            with state.alone():
                chosen()
    except Failure as failure:
        say(f"✗ {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
