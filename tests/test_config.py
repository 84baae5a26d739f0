"""Settings of whoever audits, and configuration of the audited repository: what is read, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import lay

from strictreal.config import Charts, ClusterAccess, Config, Exclude, Settings, load, settings, without_pytest_options
from strictreal.errors import ConfigurationError
from strictreal.subject import open_tree


def loaded(root: Path, text: str, name: str = "strictreal.toml") -> Config:
    return load(open_tree(lay(root, {name: text, "exceptions.toml": ""})))


def refusal(root: Path, text: str, name: str = "strictreal.toml") -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(root, text, name)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_without_a_file_everything_has_its_default(tmp_path: Path):
    assert load(open_tree(tmp_path)) == Config()


def test_a_pyproject_without_a_table_of_ours_configures_nothing(tmp_path: Path):
    assert loaded(tmp_path, "[tool.other]\nkey = 1\n", "pyproject.toml") == Config()
    assert loaded(tmp_path, "tool = 3\n", "pyproject.toml") == Config()


WHOLE = """
settings = ["app/settings.py"]
exclude = [{ path = "vendor/*", reason = "not ours" }]
require = ["code.*"]
waivers = "exceptions.toml"
sprints = "roadmaps"
evidence = "proofs"
[charts]
kubernetes = "1.30"
namespace = "soma"
release = "brain"
overlays = ["prod.yaml"]
"""
EXPECTED = Config(
    settings=("app/settings.py",),
    exclude=(Exclude(path="vendor/*", reason="not ours"),),
    require=("code.*",),
    waivers="exceptions.toml",
    sprints="roadmaps",
    evidence="proofs",
    charts=Charts(kubernetes="1.30", namespace="soma", release="brain", overlays=("prod.yaml",)),
)


def test_every_key_can_stand_in_strictreal_toml(tmp_path: Path):
    assert loaded(tmp_path, WHOLE) == msgspec.structs.replace(EXPECTED, source="strictreal.toml")


def test_every_key_can_stand_in_pyproject(tmp_path: Path):
    text = "[tool.strictreal]" + WHOLE.replace("[charts]", "[tool.strictreal.charts]")
    found = loaded(tmp_path, text, "pyproject.toml")
    assert found == msgspec.structs.replace(EXPECTED, source="pyproject.toml [tool.strictreal]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('setings = ["a.py"]', "strictreal.toml: unknown key 'setings'; did you mean 'settings'?"),
        ("required = []", "strictreal.toml: unknown key 'required'; did you mean 'require'?"),
        ("zzz = 1", "strictreal.toml: unknown key 'zzz'; known are settings, exclude, "),
        ('source = "x"', "strictreal.toml: unknown key 'source'"),
        ("[charts]\nkubernets = '1.30'", "strictreal.toml.charts: unknown key 'kubernets'; did you mean 'kubernetes'?"),
        (
            "[[exclude]]\npaths = 'a'\nreason = 'b'",
            "strictreal.toml.exclude: unknown key 'paths'; did you mean 'path'?",
        ),
        ('settings = "a.py"', "strictreal.toml: Expected `array`, got `str` - at `$.settings`"),
        ("require = [1]", "strictreal.toml: Expected `str`, got `int` - at `$.require[0]`"),
        ("[charts]\nkubernetes = 1.30", "strictreal.toml: Expected `str`, got `float` - at `$.charts.kubernetes`"),
        ("charts = 3", "strictreal.toml: Expected `object`, got `int` - at `$.charts`"),
        ("[[exclude]]\npath = 'a'", "strictreal.toml: Object missing required field `reason` - at `$.exclude[0]`"),
        ("[[exclude]]\npath = 'a'\nreason = ' '", "strictreal.toml: exclude of 'a': reason is empty; say why"),
        ('settings = ["/etc/x.py"]', "strictreal.toml: '/etc/x.py' leaves the repository; use a path inside it"),
        ('evidence = "../proofs"', "strictreal.toml: '../proofs' leaves the repository; use a path inside it"),
        ('sprints = "a/../../b"', "strictreal.toml: 'a/../../b' leaves the repository; use a path inside it"),
        ('waivers = "/waivers.toml"', "strictreal.toml: '/waivers.toml' leaves the repository; use a path inside it"),
        (
            "[[exclude]]\npath = '../*'\nreason = 'why not'",
            "strictreal.toml: '../*' leaves the repository; use a path inside it",
        ),
        ("[charts]\noverlays = ['../x']", "strictreal.toml: '../x' leaves the repository; use a path inside it"),
        ('evidence = "."', "strictreal.toml: '.' names no path; use one inside the repository"),
        ('evidence = ""', "strictreal.toml: '' names no path; use one inside the repository"),
        ('waivers = "wavers.toml"', "strictreal.toml: waivers: 'wavers.toml' is not a file of the repository"),
        ("waiver_days = 0", "strictreal.toml: waiver_days: 0 is not from 1 to 365"),
        ("waiver_days = 366", "strictreal.toml: waiver_days: 366 is not from 1 to 365"),
        ("settings = [", "strictreal.toml: not valid TOML: Invalid value (at end of document)"),
        ("a = 1\na = 2", "strictreal.toml: not valid TOML: Cannot overwrite a value (at end of document)"),
        ("a = " + "[" * 50_000, "strictreal.toml: not valid TOML: "),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str, message: str):
    assert refusal(tmp_path, text).startswith(message)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path):
    (tmp_path / "strictreal.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"strictreal\.toml: not valid TOML: 'utf-8' codec"):
        load(open_tree(tmp_path))


def test_a_table_of_ours_must_be_a_table(tmp_path: Path):
    message = refusal(tmp_path, "[tool]\nstrictreal = 3\n", "pyproject.toml")
    assert message == "pyproject.toml [tool.strictreal]: must be a table"


def test_two_files_cannot_both_configure(tmp_path: Path):
    lay(tmp_path, {"pyproject.toml": "[tool.strictreal]\n"})
    message = refusal(tmp_path, "require = []\n")
    assert message == "both strictreal.toml and pyproject.toml [tool.strictreal] configure strictreal; keep one"


def test_a_link_configures_nothing(tmp_path: Path):
    outside = lay(tmp_path / "outside", {"mine.toml": 'require = ["code.*"]'})
    subject = lay(tmp_path / "subject", {"a.py": ""})
    (subject / "strictreal.toml").symlink_to(outside / "mine.toml")
    assert load(open_tree(subject)) == Config()


@given(st.recursive(st.one_of(st.integers(), st.booleans(), st.text(max_size=9)), st.lists, max_leaves=4), st.data())
def test_a_value_of_any_type_is_taken_or_refused_with_its_field(
    tmp_path_factory: pytest.TempPathFactory, value: object, data: st.DataObject
):
    key = data.draw(st.sampled_from(["settings", "exclude", "require", "waivers", "sprints", "evidence", "charts"]))
    text = f"{key} = {msgspec.json.encode(value).decode()}"
    try:
        said = loaded(tmp_path_factory.mktemp("subject"), text).source
    except ConfigurationError as error:
        said = str(error)
    assert said == "strictreal.toml" or any(word in said for word in (key, "repository", "not valid TOML"))


# Settings.


def test_settings_come_from_home_and_the_xdg_variables():
    assert settings({"HOME": "/users/ada", "XDG_CACHE_HOME": "/var/cache"}) == Settings(
        strict=False,
        config_home=Path("/users/ada/.config/strictreal"),
        cache_home=Path("/var/cache/strictreal"),
        state_home=Path("/users/ada/.local/state/strictreal"),
        signing_key=None,
        trusted_keys=(),
        ci=False,
        cluster=ClusterAccess(kubeconfig=(Path("/users/ada/.kube/config"),)),
        variables=("XDG_CACHE_HOME",),
    )


def test_a_relative_folder_is_ignored_as_the_xdg_specification_asks():
    assert settings({"HOME": "/users/ada", "XDG_CACHE_HOME": "cache"}).cache_home == Path(
        "/users/ada/.cache/strictreal"
    )


def test_keys_are_files(tmp_path: Path):
    found = settings({"HOME": "/", "STRICTREAL_SIGNING_KEY": "/k/sign.pem", "STRICTREAL_TRUSTED_KEYS": "/k/a:/k/b"})
    assert (found.signing_key, found.trusted_keys) == (Path("/k/sign.pem"), (Path("/k/a"), Path("/k/b")))


@pytest.mark.parametrize("word", ["1", "true", "TRUE", "yes", "on", " 1 "])
def test_strict_mode_is_switched_on_by_any_word_for_true(word: str):
    assert settings({"HOME": "/", "SOMABRAIN_STRICT_REAL": word}).strict


@pytest.mark.parametrize("word", ["", "0", "false", "no", "off"])
def test_strict_mode_is_off_for_any_word_for_false(word: str):
    assert not settings({"HOME": "/", "SOMABRAIN_STRICT_REAL": word}).strict


@pytest.mark.parametrize("word", ["ture", "2", "enabled"])
def test_a_flag_that_is_neither_true_nor_false_is_refused(word: str):
    message = f"SOMABRAIN_STRICT_REAL={word!r} is neither true nor false; set it to 1 or 0"
    with pytest.raises(ConfigurationError, match=message):
        settings({"HOME": "/", "SOMABRAIN_STRICT_REAL": word})


def test_a_user_without_home_or_password_entry_has_a_place_where_nothing_is_kept():
    program = (
        "import os, strictreal.config as c, strictreal.cache as k;"
        "os.setgid(54321) if os.getuid() == 0 else None; os.setuid(54321) if os.getuid() == 0 else None;"
        "found = c.settings({}); print(found.cache_home.is_absolute(), k.Cache(found.cache_home).get_many(['x']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True {}\n", "")


def test_options_meant_for_other_pytest_runs_are_hidden_and_given_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    with without_pytest_options():
        assert "PYTEST_ADDOPTS" not in subprocess.check_output(["env"], text=True)
    assert "PYTEST_ADDOPTS=-k nothing" in subprocess.check_output(["env"], text=True)


def test_nothing_of_a_configuration_can_be_changed():
    with pytest.raises(AttributeError):
        Config().evidence = "elsewhere"  # type: ignore[misc]


@pytest.mark.parametrize(
    "entry", ['path = "app/shell.py"', 'reason = "x"', 'language = "C", path = "a.py", reason = "x"']
)
def test_unread_needs_a_language_or_a_path_and_a_reason(tmp_path: Path, entry: str):
    lay(tmp_path, {"strictreal.toml": f"unread = [{{ {entry} }}]\n"})
    with pytest.raises(ConfigurationError, match="unread"):
        load(open_tree(tmp_path))
