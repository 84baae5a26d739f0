"""The verdict of an audit, handed on to whoever runs it: no way in which it counts is taken for an evasion."""

from __future__ import annotations

import pytest
from evading import evasions

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


@pytest.mark.parametrize("name", KEPT)
def test_a_verdict_that_somebody_gets_is_not(name: str) -> None:
    assert evasions(*KEPT[name]) == []
