"""Where an audit stands and what runs it: a place that nobody reads, other words for make, another folder, no files."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_gate_audits import BASE, FILE, GITLAB, STRICT, Files, changes, loosened, workflow

from strictreal.collect import gateaudits, gatemake
from strictreal.collect.shell.folders import after

MAKE = {"Makefile": f"gate:\n\t{STRICT}\n"}
CALLS = {**MAKE, **workflow("make gate")}
CHECKOUT = "      - uses: actions/checkout@v5\n"
FETCHED = workflow(STRICT, before=CHECKOUT)
MATRIX = "    strategy: {matrix: {python: ['3.12', '3.13'], exclude: [%s]}}\n"


def make(lines: str) -> Files:
    return {**CALLS, "Makefile": lines}


NEEDS = {
    FILE: BASE[FILE].replace("    steps:", "    needs: b\n    steps:")
    + "  b:\n    runs-on: ubuntu-22.04\n    steps: []\n"
}
LOOSER: dict[str, tuple[Files, Files]] = {
    "a folder that GitHub does not read": (BASE, {f"pkg/{FILE}": BASE[FILE]}),
    "a folder that another forge reads": (BASE, {".gitea/workflows/c.yml": BASE[FILE]}),
    "a folder that a third forge reads": (BASE, {".forgejo/workflows/c.yml": BASE[FILE]}),
    "a pipeline of GitLab that is not at the root": ({".gitlab-ci.yml": GITLAB}, {"ci/.gitlab-ci.yml": GITLAB}),
    **{
        f"make {options}": (CALLS, {**MAKE, **workflow(f"make {options} gate")})
        for options in ("-n", "-i", "-k", "-t", "-q", "-ik", "--dry-run", "-C other", "-f other.mk", "--file=o.mk", "SHELL=true", "-sn")
    },
    "recipes get another shell": (CALLS, make(f"SHELL = /bin/true\ngate:\n\t{STRICT}\n")),
    "recipes of a target get another shell": (CALLS, make(f"gate: SHELL := /bin/true\ngate:\n\t{STRICT}\n")),
    "a shell that gets other flags": (CALLS, make(f".SHELLFLAGS = -n -c\ngate:\n\t{STRICT}\n")),
    "make only says what it would run": (CALLS, make(f"MAKEFLAGS += -n\ngate:\n\t{STRICT}\n")),
    "make exports another path": (CALLS, make(f"export PATH := bin:$(PATH)\ngate:\n\t{STRICT}\n")),
    "a second recipe of the target": (CALLS, make(f"gate:\n\t{STRICT}\ngate:\n\ttrue\n")),
    "a second recipe on the line of the target": (CALLS, make(f"gate:\n\t{STRICT}\ngate: ; true\n")),
    "another folder": (BASE, workflow(f"cd docs\n{STRICT}")),
    "another folder of a line before": (BASE, workflow(f"mkdir -p a && cd a\nls\n{STRICT}")),
    "another folder, kept": (BASE, workflow(f"pushd docs\n{STRICT}\npopd")),
    "another folder of a function": (BASE, workflow(f"gate() {{\n  cd docs\n  {STRICT}\n}}\ngate")),
    "another folder in a shell of its own": (BASE, workflow(f"(cd docs\n{STRICT})")),
    "a folder that nobody knows": (BASE, workflow(f'cd "$PLACE"\n{STRICT}')),
    "no machine for a job that it waits for": (NEEDS, {FILE: NEEDS[FILE].replace("  b:\n    runs-on: ubuntu-22.04", "  b:\n    runs-on: nowhere")}),
    "no time for a job that it waits for": (NEEDS, {FILE: NEEDS[FILE].replace("  b:\n", "  b:\n    timeout-minutes: 0\n")}),
    "a machine that there is not": (BASE, {FILE: BASE[FILE].replace("22.04", "99.99")}),
    "no case is left": (BASE, workflow(STRICT, job=MATRIX % "{python: '3.12'}, {python: '3.13'}")),
    "no time": (BASE, workflow(STRICT, job="    timeout-minutes: 0\n")),
    "no time for the step": (BASE, workflow(STRICT, step="        timeout-minutes: 0\n")),
    "a time that is worked out elsewhere": (BASE, workflow(STRICT, step="        timeout-minutes: ${{ vars.T }}\n")),
    "no files": (FETCHED, workflow(STRICT)),
    "files that come later": (FETCHED, {FILE: workflow(STRICT)[FILE] + CHECKOUT}),
    "a target that only says it": (BASE, {"Makefile": f"gate:\n\techo {STRICT}\n", **workflow("make gate")}),
    "a target that loses its status": (BASE, {"Makefile": f"gate:\n\t-{STRICT}\n", **workflow("make gate")}),
    "a target that asks for less": (BASE, {"Makefile": "gate:\n\tstrictreal audit docs --strict\n", **workflow("make gate")}),
    "a target that is not run": (BASE, {**MAKE, **workflow("make -n gate")}),
    "a target of another folder": (BASE, {"pkg/Makefile": MAKE["Makefile"], **workflow("make gate")}),
    "a target under a condition": (BASE, {**MAKE, **workflow("[ $A ] && make gate")}),
    "GitLab: a tag that starts it": ({".circleci/config.yml": GITLAB}, {".circleci/config.yml": GITLAB + "  tags: [v1]\n"}),
}  # fmt: skip
AS_STRONG: dict[str, tuple[Files, Files]] = {
    "a target that runs it": (BASE, CALLS),
    "a target that needs one that runs it": (BASE, {"Makefile": f"all: gate\ngate:\n\t{STRICT}\n", **workflow("make -s -j4 all")}),
    "a script that runs it": (BASE, {"ci/gate.sh": f"set -e\n{STRICT}\n", **workflow("bash ci/gate.sh")}),
    "a target that runs a script that does": (
        BASE, {"ci/gate.sh": f"set -e\n{STRICT}\n", "Makefile": "gate:\n\tbash ci/gate.sh\n", **workflow("make gate")}),
    **{
        f"make {options}": (CALLS, {**MAKE, **workflow(f"make {options} gate")})
        for options in ("-s", "-j4", "-j 4", "--no-print-directory", "-C .", "-Otarget", "--silent", "SOMABRAIN_STRICT_REAL=1")
    },
    "a step that always runs": (BASE, workflow(STRICT, step="        if: always()\n")),
    "a job that always runs": (BASE, workflow(STRICT, job="    if: ${{ !cancelled() }}\n")),
    "a usual shell": (CALLS, make(f"SHELL := /usr/bin/env bash\n.SHELLFLAGS := -eu -o pipefail -c\ngate:\n\t{STRICT}\n")),
    "usual flags": (CALLS, make(f"MAKEFLAGS += --no-print-directory -j4 --warn-undefined-variables\ngate:\n\t{STRICT}\n")),
    "another target": (CALLS, make(f"PYTHON = python3\ngate:\n\t{STRICT}\nother:\n\ttrue\n")),
    "two recipes that are both run": (
        {**CALLS, "Makefile": f"gate::\n\t{STRICT}\n"}, {**CALLS, "Makefile": f"gate::\n\t{STRICT}\ngate::\n\ttrue\n"}),
    "a rule without a recipe": (CALLS, make(f"gate:\n\t{STRICT}\ngate: build\nbuild:\n\ttrue\n")),
    "there and back": (BASE, workflow(f"cd docs\nmake html\ncd ..\n{STRICT}")),
    "there and back by another name": (BASE, workflow(f'cd docs && make html\ncd "$GITHUB_WORKSPACE"\n{STRICT}')),
    "another folder in another shell": (BASE, workflow(f"(cd docs && make html)\n{STRICT}")),
    "another folder in another function": (BASE, workflow(f"docs() {{ cd docs; }}\n{STRICT}")),
    "another folder later": (BASE, workflow(f"{STRICT}\ncd docs")),
    "another job to wait for": (BASE, NEEDS),
    "a case less": (BASE, workflow(STRICT, job=MATRIX % "{python: '3.12'}")),
    "a limit of time": (BASE, workflow(STRICT, job="    timeout-minutes: 10\n", step="        timeout-minutes: 5\n")),
    "a newer checkout": (FETCHED, {FILE: FETCHED[FILE].replace("@v5", "@v6")}),
    "a checkout by git": (FETCHED, workflow(STRICT, before="      - run: git clone $URL .\n")),
    "GitLab: a runner": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "  tags: [docker]\n"}),
    "GitLab: a stage more": (
        {".gitlab-ci.yml": f"stages: [test]\n{GITLAB}"}, {".gitlab-ci.yml": f"stages: [test, deploy]\n{GITLAB}"}),
}  # fmt: skip


@pytest.mark.parametrize("case", LOOSER)
def test_whatever_runs_another_thing_in_another_place_is_told(tmp_path: Path, case: str):
    found = loosened(tmp_path, *LOOSER[case])
    assert found
    assert all(change.name.startswith("pipelines.audit") for change in found)


@pytest.mark.parametrize("case", AS_STRONG)
def test_whatever_runs_the_same_is_not(tmp_path: Path, case: str):
    assert loosened(tmp_path, *AS_STRONG[case]) == []


@pytest.mark.parametrize("case", [*LOOSER, *AS_STRONG])
def test_what_is_as_it_was_is_no_change(tmp_path: Path, case: str):
    _, files = (LOOSER | AS_STRONG)[case]
    assert changes(tmp_path, files, files) == []


@pytest.mark.parametrize(
    ("moves", "folder"),
    [
        ([], "."),
        ([["cd", "a"], ["cd", "../b"]], "b"),
        ([["cd", "a"], ["cd", "-"]], "."),
        ([["pushd", "a"], ["cd", "b"], ["popd"]], "."),
        ([["popd"]], "."),
        ([["cd"]], "~"),
        ([["cd", ".."]], ".."),
        ([["cd", "--", "/a"], ["cd", "b"]], "/a/b"),
    ],
)
def test_the_folder_is_that_after_all_moves(moves: list[list[str]], folder: str):
    assert after(moves) == folder


def test_scripts_that_run_each_other_hold_no_audit():
    value = '{"asks":["runs make a"],"depends on":[]}'
    held = {"make a": ['{"asks":["runs make b"],"depends on":[]}'] * 50, "make b": [value] * 50}
    assert list(gateaudits.within(value, held)) == []


@pytest.mark.parametrize(("count", "compared"), [(100, True), (450, False)])
def test_where_there_are_too_many_audits_to_compare_none_is_as_strong(tmp_path: Path, count: int, compared: bool):
    now = {"ci/gate.sh": "set -e\n" + "".join(f"strictreal audit d{n}\n" for n in range(count))}
    was = {"ci/gate.sh": now["ci/gate.sh"].replace("strictreal", "test $A; [ $B ] && strictreal")}
    assert (loosened(tmp_path, was, now) == []) == compared


def test_options_of_make_that_decide_are_told_with_their_values():
    assert gatemake.called(["-s", "-C", "x", "-j", "4", "gate", "-n", "A=b"]) == (["gate"], ["-C", "x", "-n", "A=b"])
