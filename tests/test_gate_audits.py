"""An audit of a pipeline is what runs and is heard: what keeps it from either is a gate that was loosened."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import lay

from strictreal.collect import gate, gateaudits
from strictreal.collect.shell.runs import runs
from strictreal.config import load
from strictreal.facts.gate import GateChange
from strictreal.subject import open_tree

Files = dict[str, str]
FILE = ".github/workflows/c.yml"
ON = "on: [push, pull_request]\n"
JOB = "jobs:\n  a:\n    runs-on: ubuntu-22.04\n    steps:\n"
CALL = "      - run: ci/gate.sh\n"
STRICT = "strictreal audit . --strict"
MAKEFILE = {"Makefile": f"check: audit\n\naudit:\n\t{STRICT}\n"}
SCRIPT = {"ci/gate.sh": f"#!/bin/sh\nset -e\npip install strictreal\n{STRICT}\n"}
GITLAB = "audit:\n  stage: test\n  script:\n    - pip install strictreal\n    - strictreal audit .\n"
ACTION = {
    ".github/actions/audit/action.yml": f"runs:\n  using: composite\n  steps:\n    - run: {STRICT}\n      shell: bash\n"
}


def changes(tmp_path: Path, before: Files, after: Files) -> list[GateChange]:
    trees = [open_tree(lay(tmp_path / name, {"a.py": "", **files})) for name, files in (("b", before), ("a", after))]
    compared = gate.compare(trees[0], load(trees[0]), trees[1], load(trees[1]))
    return [fact for fact in compared.facts if isinstance(fact, GateChange)]


def workflow(script: str, *, on: str = ON, job: str = "", step: str = "", before: str = "") -> Files:
    """A workflow with one step that runs a script."""
    block = "".join(f"          {line}\n" for line in script.split("\n"))
    head = JOB.replace("    steps:", f"{job}    steps:")
    return {FILE: f"{on}{head}{before}      - run: |\n{block}{step}"}


BASE = workflow(f"pip install strictreal\n{STRICT}")
LOOSER: dict[str, tuple[Files, Files]] = {
    "it is only said": (BASE, workflow(f"pip install strictreal\necho {STRICT}")),
    "it is printed": (BASE, workflow(f"printf '%s' '{STRICT}'")),
    "it is an argument of nothing": (BASE, workflow(f": {STRICT}")),
    "its help is asked for": (BASE, workflow(f"{STRICT} --help")),
    "it is a comment of the script": (BASE, workflow(f"true  # {STRICT}")),
    "it is a text": (BASE, workflow(f"cat <<EOF\n{STRICT}\nEOF")),
    "its status is lost": (BASE, workflow(f"pip install strictreal\n{STRICT} || true")),
    "its status is lost in a pipe": (BASE, workflow(f"{STRICT} | tee log")),
    "its status is lost by a later command": (BASE, workflow(f"set +e\n{STRICT}\ntrue")),
    "its status is lost in the background": (BASE, workflow(f"{STRICT} &")),
    "its status is lost in a string": (BASE, workflow(f"bash -c '{STRICT} || :'")),
    "it never runs": (BASE, workflow(f"if false; then {STRICT}; fi")),
    "it runs under a condition": (BASE, workflow(f'[ "$GITHUB_ACTOR" = ada ] && {STRICT}')),
    "it runs in a case": (BASE, workflow(f"case $GITHUB_REF in refs/heads/x) {STRICT};; esac")),
    "it runs for each of nothing": (BASE, workflow(f"for each in; do {STRICT}; done")),
    "it comes after an end": (BASE, workflow(f"exit 0\n{STRICT}")),
    "it comes after an end under a condition": (BASE, workflow(f'if [ "$X" ]; then exit; fi\n{STRICT}')),
    "it is in a function that nobody calls": (BASE, workflow(f"gate() {{ {STRICT}; }}")),
    "it is in a function that is called under a condition": (BASE, workflow(f"gate() {{ {STRICT}; }}\nfalse && gate")),
    "another program gets it": (BASE, workflow(f"./quiet {STRICT}")),
    "another program is called so": (BASE, workflow(f"PATH=$PWD/bin:$PATH {STRICT}")),
    "a function is called so": (BASE, workflow(f"strictreal() {{ true; }}\n{STRICT}")),
    "the shell does not run it": (BASE, workflow(f"set -n\n{STRICT}")),
    "a smaller place is audited": (BASE, workflow("strictreal audit docs --strict")),
    "only what changed is judged": (BASE, workflow(f"{STRICT} --since HEAD")),
    "strict mode is turned off": (workflow(STRICT, job="    env: {SOMABRAIN_STRICT_REAL: '1'}\n"), workflow("strictreal audit .")),
    "the step never runs": (BASE, workflow(STRICT, step="        if: false\n")),
    "the step runs for an event that never is": (BASE, workflow(STRICT, step="        if: github.event_name == 'never'\n")),
    "the step may fail": (BASE, workflow(STRICT, step="        continue-on-error: true\n")),
    "the step has a shell of its own": (BASE, workflow(STRICT, step="        shell: cat {0}\n")),
    "the step runs elsewhere": (BASE, workflow(STRICT, step="        working-directory: empty\n")),
    "the job never runs": (BASE, workflow(STRICT, job="    if: ${{ github.repository == 'x/y' }}\n")),
    "the job may fail": (BASE, workflow(STRICT, job="    continue-on-error: ${{ true }}\n")),
    "the job has no case": (BASE, workflow(STRICT, job="    strategy: {matrix: {x: []}}\n")),
    "the job waits for one that never runs": (BASE, {FILE: workflow(STRICT, job="    needs: b\n")[FILE] + "  b:\n    if: false\n    steps: []\n"}),
    "the shell of the workflow is another": (BASE, workflow(STRICT, on=ON + "defaults: {run: {shell: 'true {0}'}}\n")),
    "a step before puts another program in the way": (BASE, workflow(STRICT, before='      - run: echo "$PWD/bin" >> $GITHUB_PATH\n')),
    "another revision is audited": (BASE, workflow(STRICT, before="      - uses: actions/checkout@v4\n        with: {ref: main}\n")),
    "an event is left": (BASE, workflow(STRICT, on="on: push\n")),
    "somebody has to start it": (BASE, workflow(STRICT, on="on: workflow_dispatch\n")),
    "events with a filter": (BASE, workflow(STRICT, on="on:\n  push: {branches: [x]}\n  pull_request:\n")),
    "events of some paths": (BASE, workflow(STRICT, on="on:\n  push:\n  pull_request: {paths: [docs/**]}\n")),
    "events but for some paths": (BASE, workflow(STRICT, on="on:\n  push: {paths-ignore: ['**.py']}\n  pull_request:\n")),
    "a filter that lets less through": (
        workflow(STRICT, on="on: {push: {branches: [main, release]}}\n"), workflow(STRICT, on="on: {push: {branches: [main]}}\n")),
    "a filter of branches that became one of tags": (
        workflow(STRICT, on="on: {push: {branches: [main], tags: [v1]}}\n"), workflow(STRICT, on="on: {push: {tags: [v1]}}\n")),
    "types of an event": (BASE, workflow(STRICT, on="on: {push: {}, pull_request: {types: [labeled]}}\n")),
    "times of a schedule": (
        workflow(STRICT, on="on: {schedule: [{cron: '0 0 * * *'}]}\n"), workflow(STRICT, on="on: {schedule: [{cron: '0 0 30 2 *'}]}\n")),
    "a workflow that is no YAML any more": (BASE, {FILE: BASE[FILE] + "  : [\n"}),
    "nobody runs the script": ({**SCRIPT, FILE: ON + JOB + CALL}, {**SCRIPT, FILE: ON + JOB + "      - run: echo ci/gate.sh\n"}),
    "the script's status is lost": ({**SCRIPT, FILE: ON + JOB + CALL}, {**SCRIPT, FILE: ON + JOB + "      - run: ci/gate.sh || true\n"}),
    "the script is a mere name": ({**SCRIPT, FILE: ON + JOB + CALL}, {"ci/gate.sh": f"# {STRICT}\n", FILE: ON + JOB + CALL}),
    "the script stops before": (SCRIPT, {"ci/gate.sh": SCRIPT["ci/gate.sh"].replace("pip", '[ "$CI" ] || exit 0\npip')}),
    "nobody runs the target": ({**MAKEFILE, **workflow("make check")}, {**MAKEFILE, **workflow("make test")}),
    "the target runs nothing": (MAKEFILE, {"Makefile": f"audit:\n\techo ok\nother:\n\t{STRICT}\n"}),
    "the target is not needed": (MAKEFILE, {"Makefile": MAKEFILE["Makefile"].replace("check: audit", "check:")}),
    "the recipe's status is ignored": (MAKEFILE, {"Makefile": MAKEFILE["Makefile"].replace("\tstrict", "\t-strict")}),
    "the recipe depends on a variable": (MAKEFILE, {"Makefile": f"check: audit\naudit:\nifdef NEVER\n\t{STRICT}\nendif\n"}),
    "nobody uses the action": (
        {**ACTION, FILE: ON + JOB + "      - uses: ./.github/actions/audit\n"}, {**ACTION, FILE: ON + JOB + "      - uses: actions/audit@v1\n"}),
    "the action is used under a condition": (
        {**ACTION, FILE: ON + JOB + "      - uses: ./.github/actions/audit\n"},
        {**ACTION, FILE: ON + JOB + "      - uses: ./.github/actions/audit\n        if: ${{ false }}\n"}),
    "GitLab: by hand": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "  when: manual\n"}),
    "GitLab: a rule": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "  rules:\n    - if: $NEVER\n"}),
    "GitLab: a failure that is allowed": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "  allow_failure: true\n"}),
    "GitLab: a workflow that does not start": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": "workflow: {rules: [{when: never}]}\n" + GITLAB}),
    "GitLab: a job that is hidden": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": "." + GITLAB}),
    "GitLab: an end before": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB.replace("    - strict", "    - exit 0\n    - strict")}),
    "GitLab: an end in what comes before": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "  before_script: [exit 0]\n"}),
    "GitLab: an end in what comes before every job": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": "default:\n  before_script:\n  - exit 0\n" + GITLAB}),
    "an action is dropped": ({FILE: ON + JOB + "      - uses: ada/strictreal@v1\n"}, {FILE: ON + JOB + "      - uses: ada/other@v1\n"}),
    "an action is given other words": (
        {FILE: ON + JOB + "      - uses: ada/strictreal@v1\n        with: {strict: true}\n"}, {FILE: ON + JOB + "      - uses: ada/strictreal@v1\n"}),
    "an action that runs a command gets another": (
        {FILE: ON + JOB + f"      - uses: ada/retry@v1\n        with: {{command: {STRICT}}}\n"},
        {FILE: ON + JOB + f"      - uses: ada/retry@v1\n        with: {{command: echo {STRICT}}}\n"}),
    "a variable that is run": (
        {FILE: ON + f"env: {{GATE: {STRICT}}}\n" + JOB + "      - run: $GATE\n"}, {FILE: ON + f"env: {{GATE: {STRICT}}}\n" + JOB + "      - run: echo $GATE\n"}),
    "what a variable adds": (
        workflow("strictreal audit . $MORE", job="    env: {MORE: --strict}\n"), workflow("strictreal audit . $MORE", job="    env: {MORE: --check a.b}\n")),
    "what a variable of the step adds": (
        workflow("strictreal audit . $MORE", step="        env: {MORE: --strict}\n"), workflow("strictreal audit . $MORE")),
    "what an expression adds": (workflow("strictreal audit . ${{ vars.A }}"), workflow("strictreal audit . ${{ vars.B }}")),
    "what a variable of GitLab adds": (
        {".gitlab-ci.yml": GITLAB.replace(" .", " . $A") + "  variables: {A: --strict}\n"}, {".gitlab-ci.yml": GITLAB.replace(" .", " . $A") + "  variables: {A: --help}\n"}),
    "Circle: a filter": (
        {".circleci/config.yml": f"jobs:\n  a:\n    steps:\n      - run: {STRICT}\nworkflows:\n  w:\n    jobs: [a]\n"},
        {".circleci/config.yml": f"jobs:\n  a:\n    steps:\n      - run: {STRICT}\nworkflows:\n  w:\n    jobs: [b]\n"}),
    "a hook of a later stage": (
        {".pre-commit-config.yaml": "repos:\n- hooks:\n  - entry: strictreal audit\n"},
        {".pre-commit-config.yaml": "repos:\n- hooks:\n  - entry: strictreal audit\n    stages: [manual]\n"}),
    "a hook with other words": (
        {".pre-commit-config.yaml": "repos:\n- hooks:\n  - entry: strictreal audit\n"},
        {".pre-commit-config.yaml": "repos:\n- hooks:\n  - entry: strictreal audit\n    args: [--check, code.stub]\n"}),
    "tox ignores it": ({"tox.ini": f"[testenv]\ncommands =\n  {STRICT}\n"}, {"tox.ini": f"[testenv]\ncommands =\n  - {STRICT}\n"}),
    "tox says it": ({"tox.ini": f"[testenv]\ncommands =\n  {STRICT}\n"}, {"tox.ini": f"[testenv]\ncommands =\n  echo {STRICT}\n"}),
    "nox: a condition": (
        {"noxfile.py": 'def audit(session):\n    session.run("strictreal audit .")\n'},
        {"noxfile.py": 'def audit(session):\n    if 0:\n        session.run("strictreal audit .")\n'}),
}  # fmt: skip
AS_STRONG: dict[str, tuple[Files, Files]] = {
    "other words that change nothing": (BASE, workflow(f"pip install -q strictreal\n{STRICT} --format github --jobs 4 --output out")),
    "the place that goes without saying": (BASE, workflow("strictreal audit --strict")),
    "strict mode by the variable": (BASE, workflow("strictreal audit .", job="    env: {SOMABRAIN_STRICT_REAL: '1'}\n")),
    "strict mode by an export": (BASE, workflow("export SOMABRAIN_STRICT_REAL=1\nstrictreal audit .")),
    "an event more": (BASE, workflow(STRICT, on="on: [push, pull_request, merge_group]\n")),
    "a filter less": (workflow(STRICT, on="on: {push: {branches: [main]}}\n"), workflow(STRICT, on="on: push\n")),
    "a wider filter": (
        workflow(STRICT, on="on: {push: {branches: [main]}}\n"), workflow(STRICT, on="on: {push: {branches: [main, next]}}\n")),
    "a condition less": (workflow(STRICT, step="        if: github.actor != 'bot'\n"), BASE),
    "a newer machine": (BASE, {FILE: BASE[FILE].replace("ubuntu-22.04", "ubuntu-24.04")}),
    "a name and a comment": (BASE, {FILE: "# Audits.\nname: ci\n" + BASE[FILE]}),
    "a job beside it": (BASE, {FILE: BASE[FILE] + "  b:\n    if: never\n    steps: [{run: make}]\n"}),
    "a step before it": (BASE, workflow(STRICT, before="      - uses: actions/setup-python@v6\n        with: {python-version: '3.12'}\n")),
    "a condition that always holds": (BASE, workflow(STRICT, step="        if: success()\n")),
    "the step in another job": (BASE, {FILE: BASE[FILE].replace("  a:", "  gate:")}),
    "a launcher": (BASE, workflow(f"timeout 10m uv run {STRICT}")),
    "a script that fails before": (SCRIPT, {"ci/gate.sh": SCRIPT["ci/gate.sh"].replace("pip", "[ -d app ] || exit 2\npip")}),
    "another line of a recipe": (MAKEFILE, {"Makefile": MAKEFILE["Makefile"].replace("audit:\n", "audit:\n\t@echo now\n")}),
    "another job of GitLab": ({".gitlab-ci.yml": GITLAB}, {".gitlab-ci.yml": GITLAB + "docs:\n  when: manual\n  script: [make docs]\n"}),
    "a check more": (workflow("strictreal audit . --check a.b"), workflow("strictreal audit . --check a.b --check c.d")),
    "the whole suite": (workflow("strictreal audit . --check a.b"), workflow("strictreal audit .")),
}  # fmt: skip


def loosened(tmp_path: Path, before: Files, after: Files) -> list[GateChange]:
    return [change for change in changes(tmp_path, before, after) if not change.tightens]


@pytest.mark.parametrize("case", LOOSER)
def test_whatever_keeps_an_audit_from_running_or_from_being_heard_is_told(tmp_path: Path, case: str):
    found = loosened(tmp_path, *LOOSER[case])
    assert found
    assert all(change.name.startswith("pipelines.audit") and change.before != change.after for change in found)


@pytest.mark.parametrize("case", [*LOOSER, *AS_STRONG])
def test_what_is_as_it_was_is_no_change(tmp_path: Path, case: str):
    before, _ = (LOOSER | AS_STRONG)[case]
    assert changes(tmp_path, before, before) == []


@pytest.mark.parametrize("case", AS_STRONG)
def test_whatever_leaves_an_audit_as_strong_is_not(tmp_path: Path, case: str):
    assert loosened(tmp_path, *AS_STRONG[case]) == []


@pytest.mark.parametrize(
    "name", [FILE, ".gitlab-ci.yml", "Makefile", "justfile", "ci/gate.sh", "tox.ini", "noxfile.py", "Jenkinsfile"]
)
@given(text=st.text(alphabet="aon:[]{}-,|>&*\n\t '\"#$=.", max_size=60))
def test_any_file_is_read_without_an_error(name: str, text: str):
    for whole in (f"{text}\n{STRICT}\n", f"{ON}{JOB}      - run: {STRICT}\n{text}\n"):
        found = gateaudits.audits({name: whole})
        assert found == gateaudits.audits({name: whole})


def test_a_bomb_of_aliases_is_told_by_its_text():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join(f'*{old}' for _ in range(9))}]\n" for old, new in pairwise("abcdefghi")
    )
    [found] = gateaudits.audits({".gitlab-ci.yml": f"{bomb}gate:\n  script:\n    - {STRICT}\n"})
    assert (found.asks, found.line) == ({"audit", "--strict"}, 12)


@given(st.text(alphabet="af;&|(){}\n'\"$` <>-strictreal audit.#!", max_size=80))
def test_any_text_is_read_without_an_error(text: str):
    assert all(run.line >= 1 for run in runs(f"strictreal audit .{text}"))
