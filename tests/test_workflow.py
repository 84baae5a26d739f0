"""The workflow of the project itself: pinned actions, least permissions, and the targets that it calls exist."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / ".github/workflows/audit.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)


def steps() -> list[dict[str, object]]:
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_every_action_is_pinned_by_the_digest_of_a_commit():
    used = [str(step["uses"]) for step in steps() if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_it_may_read_and_nothing_else():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in WORKFLOW["jobs"].values())
    checkouts = [step for step in steps() if "checkout@" in str(step.get("uses"))]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(WORKFLOW["jobs"])  # type: ignore[index]


def test_every_target_that_it_makes_is_there():
    makefile = (ROOT / "Makefile").read_text()
    asked = set(re.findall(r"\bmake ([a-z-]+)", TEXT))
    assert {"audit", "kind-up", "kind-down"} <= asked
    assert [target for target in asked if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_job_of_the_cluster_is_strict_and_bounded():
    job = WORKFLOW["jobs"]["kind"]
    assert job["timeout-minutes"] <= 20
    assert any("LANE=kind STRICT=1" in str(step.get("run")) for step in job["steps"])
    assert job["steps"][-1] == {"if": "always()", "run": "make kind-down"}
