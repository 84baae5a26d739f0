"""Evasions of strict mode: whatever sets it false, defaults it to false or deletes it is seen, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.cache import Cache
from strictreal.collect import strictlines, strictness
from strictreal.config import STRICT_VARIABLE, Config
from strictreal.facts.code import StrictEvasion, StrictSource
from strictreal.model import Gap, Inventory
from strictreal.session import Session
from strictreal.subject import open_tree

V = STRICT_VARIABLE


def evasions(path: str, text: str) -> list[tuple[int, str]]:
    facts = strictness.facts_of((path, text.encode()))
    assert isinstance(facts[0], StrictSource)
    return [(fact.where.line, fact.action) for fact in facts if isinstance(fact, StrictEvasion)]


PYTHON = {
    "assignment": (f"os.environ['{V}'] = '0'", "set"),
    "an empty string": (f"os.environ['{V}'] = ''", "set"),
    "a turned number": (f"os.environ['{V}'] = str(0)", "set"),
    "a turned truth": (f"os.environ['{V}'] = str(False).lower()", "set"),
    "bytes": (f"os.environb[b'{V}'] = b'off'", "set"),
    "a copy": (f"env = os.environ.copy(); env['{V}'] = 'no'", "set"),
    "by a constant": (f"NAME = '{V}'; os.environ[NAME] = 'FALSE'", "set"),
    "by our constant": (
        "from strictreal.config import STRICT_VARIABLE as v; os.environ[v] = '0'  # STRICT_REAL",
        "set",
    ),
    "in two pieces": ("os.environ['SOMABRAIN' + '_STRICT_REAL'] = '0'", "set"),
    "with a prefix": ("os.environ[f'{prefix}_STRICT_REAL'] = '0'", "set"),
    "setdefault": (f"os.environ.setdefault('{V}', '0')", "default"),
    "update": (f"os.environ.update({{'{V}': '0'}})", "set"),
    "update by keyword": (f"os.environ.update({V}='0')", "set"),
    "putenv": (f"os.putenv('{V}', '0')", "set"),
    "deletion": (f"del os.environ['{V}']", "delete"),
    "pop": (f"os.environ.pop('{V}', None)", "delete"),
    "unsetenv": (f"os.unsetenv('{V}')", "delete"),
    "monkeypatch": (f"def test(monkeypatch):\n    monkeypatch.setenv('{V}', 'False')", "set"),
    "monkeypatch deletion": (f"monkeypatch.delenv('{V}', raising=False)", "delete"),
    "monkeypatch item": (f"monkeypatch.setitem(os.environ, '{V}', '0')", "set"),
    "patch.dict": (f"@mock.patch.dict(os.environ, {{'{V}': '0'}})\ndef test(): ...", "set"),
    "patch.dict by name": (f"mock.patch.dict('os.environ', {{'{V}': '0'}})", "set"),
    "patch.dict by keyword": (f"mock.patch.dict(os.environ, {V}='no')", "set"),
    "a child's environment": (f"run(['x'], env={{'{V}': '0'}})", "set"),
    "a child's merged environment": (f"run(['x'], env={{**os.environ, '{V}': '0'}})", "set"),
    "a union": (f"e = os.environ | {{'{V}': '0'}}", "set"),
    "dict()": (f"run(['x'], env=dict(os.environ, {V}='0'))", "set"),
    "a named dictionary": (f"test_env = {{'{V}': '0'}}", "set"),
    "a returned environment": (f"def child_env():\n    return {{'{V}': '0'}}", "set"),
    "a command": (f"os.system('{V}=0 pytest')", "set"),
    "a command list": (f"subprocess.run(['env', '{V}=0', 'pytest'])", "set"),
    "env -u": (f"subprocess.run(['env', '-u', '{V}', 'pytest'])", "delete"),
}


@pytest.mark.parametrize("case", PYTHON)
def test_python_that_turns_strict_mode_off_is_seen(case):
    source, action = PYTHON[case]
    found = evasions("tests/test_x.py", "import os, subprocess\nfrom unittest import mock\n" + source + "\n")
    assert [a for _, a in found] == [action]


PYTHON_FINE = {
    "true": f"os.environ['{V}'] = '1'",
    "setenv true": f"monkeypatch.setenv('{V}', 'true')",
    "reading": f"strict = os.environ.get('{V}', '0') == '1'",
    "getenv": f"strict = os.getenv('{V}', 'false')",
    "comparing": f"if os.environ['{V}'] == '0': raise SystemExit",
    "a variable": f"os.environ['{V}'] = value",
    "a condition": f"os.environ['{V}'] = '1' if strict else '0'",
    "a table of flags": f"defaults = load({{'{V}': '0'}})",
    "another variable": f"os.environ['{V}_LEVEL'] = '0'",
    "a message": f"raise ValueError('{V}=0 is not allowed')",
    "a docstring": f"'''Set {V}=0 to be lenient.'''",
    "a comment": f"pass  # {V}=0",
    "a child in strict mode": f"run(['x'], env={{**os.environ, '{V}': '1'}})",
}


@pytest.mark.parametrize("case", PYTHON_FINE)
def test_python_that_leaves_strict_mode_alone_is_fine(case):
    assert evasions("tests/test_x.py", "import os\n" + PYTHON_FINE[case] + "\n") == []


FILES = {
    "workflow": (".github/workflows/ci.yml", f"env:\n  {V}: '0'", [(2, "set")]),
    "workflow, unquoted": (".github/workflows/ci.yml", f"env:\n  {V}: false", [(2, "set")]),
    "workflow, empty": (".github/workflows/ci.yml", f"env:\n  {V}:", [(2, "set")]),
    "workflow, expression": (".github/workflows/ci.yml", f"env:\n  {V}: ${{{{ false }}}}", [(2, "set")]),
    "workflow, script": (".github/workflows/ci.yml", f"run: |\n  make\n  export {V}=0\n", [(3, "set")]),
    "workflow, GITHUB_ENV": (".github/workflows/ci.yml", f'run: echo "{V}=0" >> $GITHUB_ENV', [(1, "set")]),
    "workflow, docker -e": (".github/workflows/ci.yml", f"run: docker run -e {V}=false x", [(1, "set")]),
    "alias": (".github/workflows/ci.yml", f"x: &off '0'\nenv:\n  {V}: *off", [(3, "set")]),
    "flow": ("ci.yml", f"env: {{A: 1, {V}: no}}", [(1, "set")]),
    "compose list": ("compose.yml", f"environment:\n  - {V}=0", [(2, "set")]),
    "compose list, empty": ("compose.yml", f"environment:\n  - {V}=", [(2, "set")]),
    "compose mapping": ("docker-compose.test.yml", f"environment:\n  {V}: 'off'", [(2, "set")]),
    "compose default": ("compose.yml", f"environment:\n  {V}: ${{{V}:-0}}", [(2, "default")]),
    "Kubernetes": ("deploy.yaml", f"env:\n  - name: {V}\n    value: '0'", [(3, "set")]),
    "Kubernetes, value first": ("deploy.yaml", f"env:\n  - value: 'no'\n    name: {V}", [(2, "set")]),
    "Kubernetes, no value": ("deploy.yaml", f"env:\n  - name: {V}\n", [(2, "set")]),
    "values": ("chart/values.yaml", f"env:\n  {V}: 'false'", [(2, "set")]),
    "template": ("chart/templates/d.yaml", f'{{{{ if .x }}}}\n- name: {V}\n  value: "0"\n{{{{ end }}}}', [(2, "set")]),
    "template mapping": ("chart/templates/c.yaml", f"{{{{- with .x }}}}\n  {V}: '0'\n", [(2, "set")]),
    "Dockerfile": ("Dockerfile", f"ENV {V}=0", [(1, "set")]),
    "Dockerfile, old form": ("Dockerfile", f"ENV {V} 0", [(1, "set")]),
    "Dockerfile, ARG": ("Dockerfile.dev", f"ARG {V}=false", [(1, "set")]),
    "Dockerfile, continued": ("Dockerfile", f"ENV A=1 \\\n    {V}=0", [(2, "set")]),
    "shell": ("run.sh", f"export {V}=0", [(1, "set")]),
    "shell prefix": ("run.sh", f"{V}=0 pytest -q", [(1, "set")]),
    "shell, empty prefix": ("run.sh", f"{V}= pytest -q", [(1, "set")]),
    "shell quotes": ("run.sh", f"{V}='false'; make", [(1, "set")]),
    "shell default": ("run.sh", f': "${{{V}:=0}}"', [(1, "default")]),
    "shell own default": ("run.sh", f'export {V}="${{{V}:-0}}"', [(1, "default")]),
    "unset": ("run.sh", f"unset A {V}", [(1, "delete")]),
    "env -u": ("run.sh", f"env -u {V} pytest", [(1, "delete")]),
    "env --unset": ("run.sh", f"env --unset={V} pytest", [(1, "delete")]),
    "fish": ("run.fish", f"set -gx {V} 0", [(1, "set")]),
    "an empty value of a recipe": ("Makefile", f"test:\n\t{V}= pytest", [(2, "set")]),
    "Makefile": ("Makefile", f"export {V} := 0", [(1, "set")]),
    "Makefile default": ("Makefile", f"{V} ?= 0", [(1, "set")]),
    "Makefile recipe": ("Makefile", f"test:\n\t@{V}=0 pytest", [(2, "set")]),
    "Makefile unexport": ("Makefile", f"unexport {V}", [(1, "delete")]),
    "dotenv": (".env", f"{V}=0", [(1, "set")]),
    "dotenv, empty": (".env.test", f"A=1\n{V}=\nB=2", [(2, "set")]),
    "tox": ("tox.ini", f"[testenv]\nsetenv =\n    {V} = 0", [(3, "set")]),
    "pytest-env": ("pytest.ini", f"[pytest]\nenv =\n    D:{V}=0", [(3, "set")]),
    "TOML": ("pyproject.toml", f'[tool.pytest_env]\n{V} = "0"', [(2, "set")]),
    "TOML list": ("pyproject.toml", f'env = ["A=1", "{V}=0"]', [(1, "set")]),
    "JSON": (".devcontainer/devcontainer.json", f'{{"remoteEnv": {{"{V}": "0"}}}}', [(1, "set")]),
    "JavaScript": ("test.js", f"process.env.{V} = '0';", [(1, "set")]),
    "JavaScript deletion": ("test.js", f"delete process.env.{V};", [(1, "delete")]),
    "Go": ("main_test.go", f'os.Setenv("{V}", "0")', [(1, "set")]),
    "Go deletion": ("main_test.go", f'os.Unsetenv("{V}")', [(1, "delete")]),
    "PowerShell": ("run.ps1", f'$env:{V} = "0"', [(1, "set")]),
    "cmd": ("run.bat", f"set {V}=0", [(1, "set")]),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_turns_strict_mode_off_is_seen_where_it_does(case):
    path, text, expected = FILES[case]
    assert evasions(path, text) == expected


FINE = {
    "workflow": (".github/workflows/ci.yml", f"env:\n  {V}: '1'"),
    "workflow condition": (".github/workflows/ci.yml", f"if: env.{V} == '0'"),
    "workflow input": (".github/workflows/ci.yml", f"env:\n  {V}: ${{{{ inputs.strict }}}}"),
    "workflow comment": (".github/workflows/ci.yml", f"# {V}: '0'\nenv: {{}}"),
    "compose hands through": ("compose.yml", f"environment:\n  {V}:"),
    "compose list hands through": ("compose.yml", f"environment:\n  - {V}"),
    "compose true default": ("compose.yml", f"environment:\n  {V}: ${{{V}:-1}}"),
    "Kubernetes": ("deploy.yaml", f"env:\n  - name: {V}\n    value: '1'"),
    "Kubernetes secret": ("deploy.yaml", f"env:\n  - name: {V}\n    valueFrom: {{secretKeyRef: {{name: a}}}}"),
    "the next variable is off": ("t/d.yaml", f"{{{{ x }}}}\n- name: {V}\n  value: '1'\n- name: B\n  value: '0'"),
    "template value": ("t/d.yaml", f"{{{{ x }}}}\n- name: {V}\n  value: {{{{ .Values.strict }}}}"),
    "Dockerfile": ("Dockerfile", f"ENV {V}=1"),
    "Dockerfile comment": ("Dockerfile", f"# ENV {V}=0"),
    "shell test": ("run.sh", f'if [ "${V}" = "0" ]; then exit 1; fi'),
    "shell default test": ("run.sh", f'[[ "${{{V}:-0}}" == 1 ]] || exit 1'),
    "shell message": ("run.sh", f'echo "do not set {V}=0"'),
    "shell comment": ("run.sh", f"make  # not with {V}=0"),
    "a longer name": ("run.sh", f"{V}_MODE=0 X_{V}=0"),
    "a longer value": ("run.sh", f"{V}=0n"),
    "an ini value after a space": ("tox.ini", f"    {V}= 1"),
    "a Makefile value after a space": ("Makefile", f"{V}= 1"),
    "Makefile condition": ("Makefile", f"ifeq ($({V}),0)"),
    "another unset": ("run.sh", f"unset A; echo ${V}"),
    "TOML": ("pyproject.toml", f'{V} = "1"'),
    "Go reading": ("main.go", f'v := getEnv("{V}", "0")'),
    "JavaScript reading": ("a.js", f"if (process.env.{V} === '0') throw 1"),
}


@pytest.mark.parametrize("case", FINE)
def test_a_file_that_leaves_strict_mode_alone_is_fine(case):
    path, text = FINE[case]
    assert evasions(path, text) == []


@given(
    st.sampled_from(sorted(strictlines.FALSE - {""})),
    st.sampled_from(["", "'", '"']),
    st.sampled_from(["export {}={}", "{}={} pytest", "ENV {}={}", "  - {}={}", "{} = {}", "{} ?= {}"]),
    st.data(),
)
def test_every_spelling_of_false_is_false(word, quote, form, data):
    spelled = "".join(data.draw(st.sampled_from([c, c.upper()])) for c in word)
    line = form.format(V, quote + spelled + quote)
    assert [e.action for e in strictlines.evasions([line])] == ["set"]


@given(st.sampled_from(["1", "true", "yes", "on", "TRUE", "On"]), st.sampled_from(["", "'", '"']))
def test_no_spelling_of_true_is_false(word, quote):
    assert list(strictlines.evasions([f"export {V}={quote}{word}{quote}", f"{V}: {quote}{word}{quote}"])) == []


@given(st.text(alphabet=f" \t=:-\"'{{}}$#/.0fo{V[:4]}\n", max_size=60).map(lambda text: text.replace("SOMA", V)))
def test_no_text_breaks_the_readers(text):
    for path in ("a.sh", "a.yaml", "Dockerfile"):
        evasions(path, text)


def test_deep_and_wide_yaml_is_read_in_one_pass():
    deep = "[" * 50_000
    assert evasions("a.yaml", f"{deep}\n{V}=0") == [(2, "set")]
    bomb = "a: &a [x, x]\n" + "".join(f"{n}: &k{n} [*{'a' if n == 0 else f'k{n - 1}'}, *a]\n" for n in range(200))
    assert evasions("a.yaml", bomb + f"{V}: '0'\n") == [(202, "set")]


def test_only_files_that_name_the_variable_are_counted_and_prose_is_left_out(tmp_path):
    (tmp_path / "run.sh").write_text(f"{V}=0 make\n")
    (tmp_path / "other.sh").write_text("make\n")
    (tmp_path / "README.md").write_text(f"Run with `{V}=0`.\n")
    (tmp_path / "broken.py").write_text(f"x = ('{V}'\n")
    with Session(Cache(None), jobs=1) as session:
        facts = [f for o in strictness.collect(open_tree(tmp_path), Config(), session) for f in o.facts]
    assert [f.count for f in facts if isinstance(f, Inventory)] == [2]
    assert [f.path for f in facts if isinstance(f, StrictSource)] == ["run.sh"]
    assert [f.path for f in facts if isinstance(f, Gap)] == ["broken.py"]
    assert [f.path for f in facts if isinstance(f, StrictEvasion)] == ["run.sh"]


def test_a_secret_on_the_same_line_is_redacted():
    [_, fact] = strictness.facts_of(("run.sh", f"API_TOKEN='hunter2hunter2' {V}=0 make".encode()))
    assert isinstance(fact, StrictEvasion)
    assert "hunter2" not in fact.where.text
