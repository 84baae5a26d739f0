"""The verdict of an audit, thrown away: seen in every kind of file that runs one, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import strictness, strictstatus
from strictreal.facts.code import StrictEvasion
from strictreal.model import Gap

LOST = {
    "or true": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit . --strict || true\n"),
    ),
    "or :": ("ci.sh", ("set -e\nstrictreal audit . || :\n")),
    "semicolon": ("ci.sh", "strictreal audit .; true\n"),
    "exit 0": ("ci.sh", "strictreal audit . || exit 0\n"),
    "or echo": ("ci.sh", "strictreal audit . || echo 'failed, never mind'\n"),
    "coe": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit .\n        continue-on-error: true\n"),
    ),
    "coe before": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    continue-on-error: true\n    steps:\n      - run: strictreal audit .\n"),
    ),
    "coe expr": (
        ".github/workflows/ci.yml",
        (
            "jobs:\n"
            "  a:\n"
            "    steps:\n"
            "      - run: make audit\n"
            "        continue-on-error: ${{ github.event_name == 'pull_request' }}\n"
            "        env:\n"
            "          SOMABRAIN_STRICT_REAL: '1'\n"
        ),
    ),
    "make": ("Makefile", ("audit:\n\t-strictreal audit .\n")),
    "make @-": ("Makefile", ("audit:\n\t@-strictreal audit .\n")),
    "set +e": ("ci.sh", ("set +e\nstrictreal audit .\necho done\n")),
    "pipe": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit . | tee audit.log\n"),
    ),
    "pipe make": ("Makefile", ("audit:\n\tstrictreal audit . 2>&1 | tee log\n")),
    "gitlab": (".gitlab-ci.yml", ("audit:\n  script:\n    - strictreal audit .\n  allow_failure: true\n")),
    "gitlab after": (".gitlab-ci.yml", ("audit:\n  after_script:\n    - strictreal audit .\n")),
    "multi": (
        ".github/workflows/ci.yml",
        (
            "jobs:\n"
            "  a:\n"
            "    steps:\n"
            "      - run: |\n"
            "          pip install strictreal\n"
            "          strictreal audit . \\\n"
            "            --strict || true\n"
        ),
    ),
    "if": ("ci.sh", ("if ! strictreal audit .; then\n  echo failed\nfi\n")),
    "not": ("ci.sh", "! strictreal audit .\n"),
    "python -m": ("ci.sh", "python -m strictreal audit . || true\n"),
    "dockerfile": ("Dockerfile", "RUN strictreal audit /src || true\n"),
    "tox": ("tox.ini", ("[testenv]\ncommands =\n    - strictreal audit .\n")),
    "background": ("ci.sh", "strictreal audit . &\n"),
    "python": ("run.py", ("import os\nos.system('strictreal audit . || true')\n")),
    "if false": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit .\n        if: false\n"),
    ),
    "exit0 end": ("ci.sh", ("strictreal audit .\nexit 0\n")),
    "other default": ("ci.sh", "export SOMABRAIN_STRICT_REAL=${STRICT:-0}\n"),
    "other default yaml": (
        "compose.yaml",
        ("services:\n  a:\n    environment:\n      SOMABRAIN_STRICT_REAL: ${STRICT:-0}\n"),
    ),
    "expr default": (
        ".github/workflows/ci.yml",
        ("env:\n  SOMABRAIN_STRICT_REAL: ${{ inputs.strict && '1' || '0' }}\n"),
    ),
    "export $()": ("ci.sh", "export R=$(strictreal audit .)\n"),
}
KEPT = {
    "plain": (".github/workflows/ci.yml", ("jobs:\n  a:\n    steps:\n      - run: strictreal audit . --strict\n")),
    "or fail": ("ci.sh", "strictreal audit . || { echo no; exit 1; }\n"),
    "or exit 1": ("ci.sh", "strictreal audit . || exit 1\n"),
    "or capture": ("ci.sh", ("strictreal audit . || status=$?\nexit $status\n")),
    "pipefail": ("ci.sh", ("set -euo pipefail\nstrictreal audit . | tee log\n")),
    "shell bash": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit . | tee log\n        shell: bash\n"),
    ),
    "other step": (
        ".github/workflows/ci.yml",
        (
            "jobs:\n"
            "  a:\n"
            "    steps:\n"
            "      - run: make lint\n"
            "        continue-on-error: true\n"
            "      - run: strictreal audit .\n"
        ),
    ),
    "other job": (
        ".github/workflows/ci.yml",
        (
            "jobs:\n"
            "  lint:\n"
            "    continue-on-error: true\n"
            "    steps:\n"
            "      - run: make lint\n"
            "  a:\n"
            "    steps:\n"
            "      - run: strictreal audit .\n"
        ),
    ),
    "other command": ("ci.sh", ("rm -f x || true\nstrictreal audit .\n")),
    "set +e captured": ("ci.sh", ("set +e\nstrictreal audit .\ncode=$?\nset -e\nexit $code\n")),
    "if exit": ("ci.sh", ("if ! strictreal audit .; then\n  echo failed\n  exit 1\nfi\n")),
    "comment": ("ci.sh", "# strictreal audit . || true\n"),
    "said": ("ci.sh", "echo 'strictreal audit . || true'\n"),
    "gitlab": (
        ".gitlab-ci.yml",
        ("audit:\n  script:\n    - strictreal audit . | tee log\nlint:\n  script: [ruff]\n  allow_failure: true\n"),
    ),
    "and": ("ci.sh", "strictreal audit . && echo ok\n"),
    "name": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - name: strictreal audit || true\n        run: strictreal audit .\n"),
    ),
    "self default": ("ci.sh", "export SOMABRAIN_STRICT_REAL=${SOMABRAIN_STRICT_REAL:-1}\n"),
    "flag default 1": ("ci.sh", "export SOMABRAIN_STRICT_REAL=${STRICT:-1}\n"),
    "coe false": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit .\n        continue-on-error: false\n"),
    ),
    "makefile": ("Makefile", ("audit:\n\tstrictreal audit .\n\t-rm -rf x\n")),
    "if always": (
        ".github/workflows/ci.yml",
        ("jobs:\n  a:\n    steps:\n      - run: strictreal audit .\n        if: always()\n"),
    ),
    "expr": (".github/workflows/ci.yml", ("env:\n  SOMABRAIN_STRICT_REAL: ${{ inputs.strict || '1' }}\n")),
}


def evasions(path: str, text: str) -> list[StrictEvasion]:
    return [fact for fact in strictness.facts_of((path, text.encode())) if isinstance(fact, StrictEvasion)]


@pytest.mark.parametrize("name", LOST)
def test_a_verdict_that_nobody_gets_is_seen(name: str) -> None:
    assert evasions(*LOST[name])


@pytest.mark.parametrize("name", KEPT)
def test_a_verdict_that_somebody_gets_is_not(name: str) -> None:
    assert evasions(*KEPT[name]) == []


def test_the_line_and_the_way_are_told() -> None:
    [evasion] = evasions(*LOST["multi"])
    assert (evasion.where.line, evasion.action, evasion.value) == (6, "swallow", "|| true")
    [evasion] = evasions(*LOST["gitlab"])
    assert (evasion.where.line, evasion.value) == (4, "allow_failure: true")


@pytest.mark.parametrize("value", ["$FLAG", "${FLAG}", "${{ inputs.strict }}", "$(FLAG)"])
def test_a_value_that_is_worked_out_elsewhere_is_a_gap(value: str) -> None:
    facts = strictness.facts_of(("ci.sh", f"export SOMABRAIN_STRICT_REAL={value}\n".encode()))
    [gap] = [fact for fact in facts if isinstance(fact, Gap)]
    assert value in gap.reason


@pytest.mark.parametrize("value", ["1", "$SOMABRAIN_STRICT_REAL", "${SOMABRAIN_STRICT_REAL:-1}"])
def test_a_value_that_is_known_is_none(value: str) -> None:
    facts = strictness.facts_of(("ci.sh", f"export SOMABRAIN_STRICT_REAL={value}\n".encode()))
    assert not [fact for fact in facts if isinstance(fact, Gap)]


@given(
    st.lists(
        st.sampled_from(["strictreal audit .", "|", "||", "true", ";", "!", "$(", "if", "fi", "&", "'", "\\\n", "\n"])
    )
)
def test_no_script_breaks_the_reader(parts: list[str]) -> None:
    for path in ("ci.sh", "Makefile", "tox.ini", ".gitlab-ci.yml"):
        assert all(evasion.where.line > 0 for evasion in evasions(path, " ".join(parts)))


def test_long_lines_are_read_in_bounded_time() -> None:
    line = "strictreal audit " + "-a b " * 200_000 + "$(" * 50_000
    assert list(strictstatus.swallowed([line, "|| true" * 50_000])) == []
