"""Code: one source for every setting, and nothing that belongs there written anywhere else."""

from strictreal.check import check
from strictreal.facts.code import EnvAccess, HardCoded, Module, SettingsModule
from strictreal.facts.patterns import PatternMatch, of_check
from strictreal.facts.unread import UnreadLanguage, UnreadPart
from strictreal.model import Facts


@check(
    "code.env-access",
    proves="Environment variables are read in the settings module and nowhere else.",
    remedy="Add a field to the settings class and read it from there.",
)
def test_environment_is_read_only_in_settings(
    accesses: Facts[EnvAccess],
    matches: Facts[PatternMatch],
    settings: SettingsModule,
    modules: Facts[Module],
    languages: Facts[UnreadLanguage],
    parts: Facts[UnreadPart],
):
    tests = {module.path for module in modules if module.role == "test"}
    for access in accesses:
        if access.path not in settings:
            remedy = "Set it with monkeypatch.setenv, which undoes itself." if access.path in tests else ""
            of = f" of {access.variable}" if access.variable else ""
            yield access.finding(f"{access.form}{of} outside {settings.name}", remedy=remedy)
    for match in of_check(matches, "code.env-access", beside=accesses):
        if match.path not in settings:
            yield match.finding(f"{match.message} outside {settings.name}")


@check(
    "code.hard-coded",
    proves="In Python, hosts, ports, service URLs, DSNs, credentials and thresholds stand in the settings alone.",
    remedy="Add a field to the settings class, with this value as its default, and read it from there.",
)
def test_values_that_belong_in_settings_are_not_written_into_code(
    values: Facts[HardCoded], settings: SettingsModule, parts: Facts[UnreadPart]
):
    for value in values:
        if value.path in settings:
            continue
        if value.kind == "credential":
            remedy = "Take it from a secret at run time, and replace it: whoever can read the history has it."
            yield value.finding("a credential in the code", remedy=remedy)
        elif value.kind == "threshold":
            remedy = "Name the number as a field of the settings class and compare with that."
            yield value.finding(f"a tuning threshold in the code: {value.value}", remedy=remedy)
        else:
            called = {"url": "a service URL", "dsn": "a DSN"}.get(value.kind, f"a {value.kind}")
            yield value.finding(f"{called} in the code: {value.value}")
