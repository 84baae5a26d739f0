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
KEPT = {
    "a mark of success that is asked for": (
        "ci.sh",
        "ok=no\nif strictreal audit .; then ok=yes; fi\nif [ $ok = no ]; then exit 1; fi\necho done\n",
    ),
    "a kept status, tested": ("ci.sh", "strictreal audit . --strict\nrc=$?\n[ $rc -eq 0 ] || exit 1\necho ok\n"),
    "a branch on the status": ("ci.sh", "strictreal audit . --strict\nif [ $? -ne 0 ]; then exit 1; fi\necho ok\n"),
    "a mark with a default": (
        "ci.sh",
        "strictreal audit . --strict || failed=1\nmake lint || failed=1\nexit ${failed:-0}\n",
    ),
    "a mark that a branch asks for": (
        "ci.sh",
        'strictreal audit . --strict || failed=yes\nif [ -n "$failed" ]; then\n echo no\n exit 1\nfi\n',
    ),
    "a word that the last test asks for": ("ci.sh", 'ok=yes\nstrictreal audit . --strict || ok=no\n[ "$ok" = yes ]\n'),
    "a word that is run": ("ci.sh", "ok=true\nstrictreal audit . --strict || ok=false\n$ok\n"),
    "arithmetic on what is kept": ("ci.sh", "strictreal audit . --strict || rc=$?\n(( rc == 0 )) || exit 1\n"),
    "a case in which failures exit": (
        "ci.sh",
        "strictreal audit . --strict\nrc=$?\ncase $rc in 0) ;; *) exit 1;; esac\necho x\n",
    ),
    "a branch on arithmetic": ("ci.sh", "strictreal audit . --strict\nrc=$?\nif (( rc )); then exit $rc; fi\necho x\n"),
    "cleaned up before the exit": ("ci.sh", "strictreal audit . --strict; rc=$?; rm -rf tmp; exit $rc\n"),
    "test for 0": ("ci.sh", "strictreal audit . --strict\ntest $? -eq 0\n"),
    "a test for 0, and a message": ("ci.sh", "strictreal audit . --strict\n[ $? -eq 0 ] && echo ok\n"),
    "a test for 0, or an exit": (
        "ci.sh",
        "strictreal audit . --strict\n[[ $? == 0 ]] || { echo no; exit 1; }\necho ok\n",
    ),
    "a function that returns it": ("ci.sh", "f() { strictreal audit . --strict; local rc=$?; rm x; return $rc; }\nf\n"),
    "a branch on a default": (
        "ci.sh",
        'strictreal audit . --strict || rc=$?\nif [ "${rc:-0}" -ne 0 ]; then exit "$rc"; fi\necho\n',
    ),
    "kept in the other branch": ("ci.sh", "if strictreal audit . --strict; then rc=0; else rc=$?; fi\nexit $rc\n"),
    "failures that are counted": (
        "ci.sh",
        "fails=0\nstrictreal audit . --strict || fails=$((fails+1))\nmake x || fails=$((fails+1))\n[ $fails -eq 0 ] || exit 1\n",
    ),
    "failures that arithmetic counts": (
        "ci.sh",
        "fails=0\nstrictreal audit . --strict || (( fails++ ))\nexit $fails\n",
    ),
    "the other branch exits": (
        "ci.sh",
        "strictreal audit . --strict\nrc=$?\nif [ $rc -eq 0 ]; then echo ok; else echo no; exit 1; fi\necho x\n",
    ),
    "failures in a list": (
        "ci.sh",
        "failed=()\nstrictreal audit . --strict || failed+=(audit)\nif [ ${#failed[@]} -gt 0 ]; then exit 1; fi\n",
    ),
    "a branch on more than 0": (
        "ci.sh",
        'strictreal audit . --strict\nrc=$?\nif [ "$rc" -gt 0 ]; then exit 1; fi\necho x\n',
    ),
    "handed to another step": ("ci.sh", 'strictreal audit . --strict || rc=$?\necho "rc=$rc" >> "$GITHUB_OUTPUT"\n'),
    "the status of a part of a pipe": ("ci.sh", "strictreal audit . --strict | tee log\nexit ${PIPESTATUS[0]}\n"),
    "the status of a pipe that fails": (
        "ci.sh",
        "set -o pipefail\nstrictreal audit . --strict | tee log\nrc=$?\nexit $rc\n",
    ),
    "a mark, or a function that dies": (
        "ci.sh",
        "strictreal audit . --strict || fail=1\nif test $fail = 1; then die no; fi\n",
    ),
    "a branch that is not the only way": (
        "ci.sh",
        'strictreal audit . --strict\nrc=$?\nif [ $rc -ne 0 ] && [ -z "$X" ]; then exit $rc; fi\nexit $rc\n',
    ),
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
    "wait for it": ("ci.sh", "strictreal audit . &\npid=$!\nwait $pid\n"),
    "braces": ("ci.sh", "{ strictreal audit . --strict; }\n"),
    "a strict subshell": ("ci.sh", "(set -e; strictreal audit .; echo done)\n"),
    "bash -c": ("ci.sh", "bash -c 'strictreal audit . --strict'\n"),
    "an exit in a group that is pardoned": ("ci.sh", "{ strictreal audit . || exit 1; } || true\n"),
    "a function that keeps it": (
        "ci.sh",
        'status=0\nstep() { "$@" || { status=1; echo failed; }; }\nstep env A=1 make audit\nstep make test\nexit "$status"\n',
    ),
    "a function that keeps it, called in a branch": (
        "ci.sh",
        'status=0\nstep() { "$@" || status=1; }\nif command -v go; then\n  step make audit STRICT=1\nfi\nexit "$status"\n',
    ),
    "a function that is called last": ("ci.sh", "check() { strictreal audit .; }\ncheck\n"),
    "until it passes": ("ci.sh", "until strictreal audit .; do sleep 60; done\n"),
    "or die": ("ci.sh", "die() { echo $1; exit 1; }\nstrictreal audit . || die no\n"),
    "under set -e": ("ci.sh", "#!/bin/sh\nset -eu\nstrictreal audit .\necho done\n"),
    "a wrapper of the name": ("ci.sh", 'strictreal() { docker run tools strictreal "$@"; }\nstrictreal audit .\n'),
    "a trap that cleans up": ("ci.sh", "trap 'rm -rf tmp' EXIT\nstrictreal audit . --strict\n"),
    "what it prints, and its status": ("ci.sh", 'out=$(strictreal audit .) || exit 1\necho "$out"\n'),
    "exit as it ended": ("ci.sh", "strictreal audit .\nexit\n"),
    "elif": ("ci.sh", "if make fast; then echo ok\nelif strictreal audit .; then echo ok\nelse exit 2\nfi\n"),
    "the verdict of no other subcommand": (
        "ci.sh",
        "strictreal evidence list | head -3\nstrictreal policy --help || true\n",
    ),
    "a message of git": ("ci.sh", "git commit -m 'strictreal audit . || true'\n"),
    "an installation": ("ci.sh", "pip install strictreal audit || true\n"),
    "one of several subjects": ("ci.sh", "set -e\nfor r in a b; do strictreal audit $r; done\n"),
    "a recipe with a variable": (
        "Makefile",
        "BIN ?= .venv/bin\naudit: $(READY)\n\t@$(BIN)/strictreal audit . $(ARGS)\n",
    ),
    "tox": ("tox.ini", "[testenv]\ncommands =\n    pytest {posargs}\n    strictreal audit .\n"),
    "a task in TOML": ("pyproject.toml", '[tool.poe.tasks]\naudit = "strictreal audit . --strict"\n'),
    "PowerShell": ("ci.ps1", "strictreal audit . --strict\nif ($LASTEXITCODE) { exit 1 }\nWrite-Host ok\n"),
    "a job for the main branch": (
        ".github/workflows/ci.yml",
        "jobs:\n  a:\n    if: github.ref == 'refs/heads/main'\n    steps:\n      - run: strictreal audit .\n",
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


TURNED_OFF = {
    "printf -v": "printf -v SOMABRAIN_STRICT_REAL %s 0",
    "read": "read SOMABRAIN_STRICT_REAL <<< 0",
    "declare": "declare SOMABRAIN_STRICT_REAL=",
    "typeset": "typeset -x 'SOMABRAIN_STRICT_REAL=no'",
    "a name in pieces": 'export "SOMABRAIN_STRICT""_REAL=0"',
    "a value in a variable": "OFF=0\nexport SOMABRAIN_STRICT_REAL=$OFF",
    "export -n": "export -n SOMABRAIN_STRICT_REAL",
    "a quoted unset": 'unset "SOMABRAIN_STRICT_REAL"',
    "env -i": "env -i PATH=/bin strictreal audit .",
    "env -": "env - strictreal audit .",
    "let": "let SOMABRAIN_STRICT_REAL=0",
    "eval": "eval 'export SOMABRAIN_STRICT_REAL=0'",
    "for": "for SOMABRAIN_STRICT_REAL in 0; do make; done",
}


@pytest.mark.parametrize("name", TURNED_OFF)
def test_a_shell_that_turns_the_variable_off_is_seen(name: str) -> None:
    [evasion] = evasions("ci.sh", f"#!/bin/bash\n{TURNED_OFF[name]}\n")
    assert evasion.action in {"set", "delete"}


@pytest.mark.parametrize(
    "line", ["printf -v SOMABRAIN_STRICT_REAL %s 1", "env -i strictreal audit . --strict", "read X <<< 0", "local a=0"]
)
def test_a_shell_that_leaves_the_variable_alone_is_fine(line: str) -> None:
    assert evasions("ci.sh", f"# SOMABRAIN_STRICT_REAL\n{line}\n") == []


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
