"""The verdict of an audit, thrown away: seen in every kind of file that runs one, in bounded work."""

from __future__ import annotations

import pytest
from evading import evasions
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import strictness, strictstatus
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
    "a quoted name": ("ci.sh", '"strictreal" audit . || true\n'),
    "a name in pieces": ("ci.sh", "strict''real au\\\\dit . || true\n".replace("\\\\", "\\")),
    "braces": ("ci.sh", "{ strictreal audit . --strict; } || true\n"),
    "a subshell": ("ci.sh", "(strictreal audit . --strict; true)\n"),
    "exit in a subshell": ("ci.sh", "(strictreal audit . || exit 1) || echo failed\n"),
    "bash -c": ("ci.sh", "bash -c 'strictreal audit . --strict || :'\n"),
    "sh -ec around it": ("ci.sh", "set -e\nsh -ec 'strictreal audit .' || true\n"),
    "bash -c that goes on": ("Dockerfile", 'CMD ["bash", "-c", "strictreal audit . ; exec server"]\n'),
    "eval": ("ci.sh", 'eval "strictreal audit . --strict || true"\n'),
    "a pipe to a shell": ("ci.sh", "echo 'strictreal audit . || true' | bash\n"),
    "a here document": ("ci.sh", "bash <<EOF\nstrictreal audit . || true\nEOF\n"),
    "a written script": ("ci.sh", "cat > run.sh <<'EOF'\nstrictreal audit . || true\nEOF\n"),
    "a remote shell": ("ci.sh", 'ssh host "cd repo && strictreal audit . || true"\n'),
    "wait without the status": (".github/workflows/ci.yml", "jobs: {a: {steps: [{run: strictreal audit . & wait}]}}\n"),
    "a variable": ("ci.sh", "S=strictreal\n$S audit . --strict || true\n"),
    "a whole command in a variable": ("ci.sh", 'CMD="strictreal audit"\n$CMD || true\n'),
    "an array": ("ci.sh", 'cmd=(strictreal audit . --strict)\n"${cmd[@]}" || true\n'),
    "an alias": ("ci.sh", "alias check='strictreal audit . || true'\ncheck\n"),
    "an alias of the name": ("ci.sh", "alias strictreal=true\nstrictreal audit .\n"),
    "a function of the name": ("ci.sh", "strictreal() { true; }\nstrictreal audit . --strict\n"),
    "a link of the name": ("ci.sh", "ln -s /bin/true bin/strictreal\nstrictreal audit .\n"),
    "a function that loses it": ("ci.sh", 'step() { "$@" || true; }\nstep strictreal audit .\n'),
    "a lost function": ("ci.sh", "check() { strictreal audit .; }\ncheck || true\n"),
    "trap": ("ci.sh", "trap 'exit 0' EXIT\nstrictreal audit . --strict\n"),
    "until with a way out": ("ci.sh", "until strictreal audit . --strict; do break; done\n"),
    "while": ("ci.sh", "while strictreal audit .; do sleep 60; done\n"),
    "or a message in braces": ("ci.sh", "strictreal audit . --strict || { echo failed; }\n"),
    "or another job": ("ci.sh", "strictreal audit . || make report\n"),
    "and, or": ("ci.sh", "strictreal audit . && echo ok || echo bad\n"),
    "and, at which set -e does not stop": ("ci.sh", "set -e\nstrictreal audit . && echo ok\necho done\n"),
    "a test of what it prints": ("ci.sh", '[ "$(strictreal audit . --strict)" ]\n'),
    "what it prints": ("ci.sh", 'out=$(strictreal audit . --strict)\necho "$out"\n'),
    "a status that is only shown": ("ci.sh", "strictreal audit .\necho $?\n"),
    "a status in a test that always holds": ("ci.sh", "timeout 1 strictreal audit . ; test $? -ge 0\n"),
    "a branch after which another status counts": (
        "ci.sh",
        'status=0\nif command -v go; then\n  strictreal audit .\nfi\nexit "$status"\n',
    ),
    "a function that keeps nothing, in a branch": (
        "ci.sh",
        'status=0\nstep() { "$@" || echo failed; }\nif command -v go; then\n  step make audit\nfi\nexit "$status"\n',
    ),
    "a status that is kept for nobody": ("ci.sh", "strictreal audit .\nrc=$?\necho done\n"),
    "env and a pipe": ("ci.sh", "env strictreal audit . --strict | cat\n"),
    "a process substitution": ("ci.sh", "diff old <(strictreal audit .)\n"),
    "waivers that are put in place": ("ci.sh", "cp lax/waivers.toml waivers.toml\nstrictreal audit . --strict\n"),
    "settings that are written": ("ci.sh", "echo 'exclude = []' > strictreal.toml\nstrictreal audit .\n"),
    "a shell of one's own": (
        ".github/workflows/ci.yml",
        "jobs:\n  a:\n    steps:\n      - run: |\n          strictreal audit .\n          echo done\n        shell: bash {0}\n",
    ),
    "a retrying action": (
        ".github/workflows/ci.yml",
        (
            "jobs:\n  a:\n    steps:\n      - uses: retry@v3\n        with:\n          command: strictreal audit .\n"
            "          continue_on_error: true\n"
        ),
    ),
    "a condition that never holds": (
        ".github/workflows/ci.yml",
        "jobs:\n  a:\n    if: ${{ 'a' == 'b' }}\n    steps:\n      - run: strictreal audit .\n",
    ),
    "a job that nobody starts": (".gitlab-ci.yml", "audit:\n  script: [strictreal audit .]\n  when: manual\n"),
    "a variable of make": ("Makefile", "SR = .venv/bin/strictreal\naudit:\n\t$(SR) audit . || true\n"),
    "a prefix in a variable of make": ("Makefile", "SR = -strictreal\naudit:\n\t$(SR) audit .\n"),
    "make that ignores errors": ("Makefile", "MAKEFLAGS += -i\naudit:\n\tstrictreal audit .\n"),
    "make -i": ("ci.sh", "make -i audit\n"),
    "one line of a recipe": ("Makefile", "audit: ; strictreal audit . ; true\n"),
    "just": ("justfile", "audit:\n    -strictreal audit .\n"),
    "tox, ignored": ("tox.ini", "[testenv]\nignore_outcome = true\ncommands =\n    strictreal audit .\n"),
    "a task in TOML": ("pyproject.toml", "[tool.poe.tasks]\naudit = \"sh -c 'strictreal audit . || true'\"\n"),
    "a script of npm": ("package.json", '{"scripts": {"audit": "strictreal audit . || true"}}\n'),
    "PowerShell": ("ci.ps1", "strictreal audit . --strict\nexit 0\n"),
    "cmd": ("ci.bat", "strictreal audit . || exit /b 0\n"),
    "a status that is kept, shown and passed over": (
        "ci.sh",
        'strictreal audit . --strict || rc=$?; echo "$rc"; exit 0\n',
    ),
    "the same on lines of its own": ("ci.sh", 'strictreal audit . --strict || rc=$?\necho "$rc"\nexit 0\n'),
    "a mark that nobody asks for": ("ci.sh", "strictreal audit . --strict || failed=1; echo done\n"),
    "a status that a message tells": ("ci.sh", 'strictreal audit . --strict || { rc=$?; echo "audit said $rc"; }\n'),
    "a mark whose branch only warns": (
        "ci.sh",
        'if ! strictreal audit . --strict; then ok=no; if [ "$ok" = no ]; then echo warning; fi; fi\n',
    ),
    "a test that lets some failures pass": ("ci.sh", "strictreal audit . --strict; [ $? -le 5 ]\n"),
    "a word that is kept for nobody": ("ci.sh", "strictreal audit . --strict || log=failed\n"),
    "a substitution whose failure is a word": (
        "ci.sh",
        'cmd="strictreal audit . --strict"\nresult=$($cmd) || result=failed\n',
    ),
    "a word that is only shown": (
        "ci.sh",
        'result=$(strictreal audit . --strict) || result=failed\necho "$result" || exit 1\n',
    ),
    "a kept status in a test that lets 1 pass": ("ci.sh", "strictreal audit . --strict\nrc=$?; test $rc -le 1\n"),
    "a status that is set back to 0": (
        "ci.sh",
        "strictreal audit . --strict\nstatus=$?; if [ $status -eq 1 ]; then status=0; fi; exit $status\n",
    ),
    "an exit with a comparison": ("ci.sh", "strictreal audit . --strict\nexit $(( $? > 1 ))\n"),
    "a test for two failures": ("ci.sh", "strictreal audit . --strict || [ $? -eq 124 ] || [ $? -eq 1 ]\n"),
    "a case that pardons": ("ci.sh", "strictreal audit . --strict\ncase $? in 1|4) exit 0;; esac\n"),
    "arithmetic that lets 1 pass": ("ci.sh", "strictreal audit . --strict\n(( $? < 2 ))\n"),
    "a case in which a failure does nothing": (
        "ci.sh",
        "strictreal audit . --strict\ncase $? in 0|1) ;; *) exit 1;; esac\n",
    ),
    "a status that is overwritten": ("ci.sh", "strictreal audit . --strict\nrc=$?\nrc=0\nexit $rc\n"),
    "a branch for worse failures alone": (
        "ci.sh",
        "strictreal audit . --strict || rc=$?; if [ $rc -gt 1 ]; then exit $rc; fi\n",
    ),
    "a branch on the status for worse ones": (
        "ci.sh",
        "strictreal audit . --strict\nif [ $? -gt 1 ]; then exit 1; fi\n",
    ),
    "a branch that only tells of it": (
        "ci.sh",
        "strictreal audit . --strict\nrc=$?\nif [ $rc -ne 0 ]; then echo failed; fi\n",
    ),
    "or a test for one failure": ("ci.sh", "strictreal audit . --strict || [ $? -eq 1 ]\n"),
    "or test for one failure": ("ci.sh", "strictreal audit . --strict || test $? = 1\n"),
    "an exit with another variable": ("ci.sh", "strictreal audit . --strict || rc=1\nexit $src\n"),
    "an exit that is a message": ("ci.sh", 'strictreal audit . --strict || rc=1\necho "exit $rc"\n'),
    "an exit with a comparison of what is kept": ("ci.sh", "strictreal audit . --strict\nrc=$?\nexit $((rc > 1))\n"),
    "an exit with another word in its place": ("ci.sh", "strictreal audit . --strict || rc=$?\nexit ${rc:+0}\n"),
    "a test that failures pass": ("ci.sh", "strictreal audit . --strict\n[ $? -ne 0 ]\n"),
    "a way out that only success takes": (
        "ci.sh",
        "strictreal audit . --strict\nrc=$?\n[ $rc -eq 0 ] && exit 0\necho x\n",
    ),
    "a mark of success that nobody asks for": ("ci.sh", "ok=no\nif strictreal audit .; then ok=yes; fi\necho $ok\n"),
    "a mark of success that was there before": (
        "ci.sh",
        "ok=yes\nif strictreal audit .; then ok=yes; fi\n[ $ok = yes ] || exit 1\n",
    ),
    "a mark of success that is set again": (
        "ci.sh",
        "ok=no\nif strictreal audit .; then ok=yes; fi\nok=yes\n[ $ok = yes ] || exit 1\n",
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_a_verdict_that_nobody_gets_is_seen(name: str) -> None:
    assert evasions(*LOST[name])


def test_the_line_and_the_way_are_told() -> None:
    [evasion] = evasions(*LOST["multi"])
    assert (evasion.where.line, evasion.action, evasion.value) == (6, "swallow", "|| true")
    [evasion] = evasions(*LOST["gitlab"])
    assert (evasion.where.line, evasion.value) == (4, "allow_failure: true")


@given(
    st.lists(
        st.sampled_from(["strictreal audit .", "|", "||", "true", ";", "!", "$(", "if", "fi", "&", "'", "\\\n", "\n"])
    )
)
def test_no_script_breaks_the_reader(parts: list[str]) -> None:
    for path in ("ci.sh", "Makefile", "tox.ini", ".gitlab-ci.yml"):
        assert all(evasion.where.line > 0 for evasion in evasions(path, " ".join(parts)))


def test_an_audit_in_what_is_no_shell_is_a_gap() -> None:
    facts = strictness.facts_of(("ci.sh", b"if then ) ( strictreal audit . fi\n"))
    [gap] = [fact for fact in facts if isinstance(fact, Gap)]
    assert (gap.of, gap.where.line) == ("StrictSource", 1)


def test_long_lines_are_read_in_bounded_time() -> None:
    line = "strictreal audit " + "-a b " * 200_000 + "$(" * 50_000
    assert list(strictstatus.swallowed([line])) == []


def test_scripts_that_are_nested_beyond_reason_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="bound: depth of a script"):
        list(strictstatus.swallowed(["(:; " * 400 + "strictreal audit ." + ")" * 400]))
