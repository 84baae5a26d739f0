"""Code: one source for every setting, and nothing that belongs there written anywhere else."""

from strictreal.check import check
from strictreal.facts.code import EnvAccess, Module, SettingsModule
from strictreal.model import Facts


@check(
    "code.env-access",
    proves="Environment variables are read in the settings module and nowhere else.",
    remedy="Add a field to the settings class and read it from there.",
)
def test_environment_is_read_only_in_settings(
    accesses: Facts[EnvAccess], settings: SettingsModule, modules: Facts[Module]
):
    tests = {module.path for module in modules if module.role == "test"}
    for access in accesses:
        if access.path not in settings:
            remedy = "Set it with monkeypatch.setenv, which undoes itself." if access.path in tests else ""
            of = f" of {access.variable}" if access.variable else ""
            yield access.finding(f"{access.form}{of} outside {settings.name}", remedy=remedy)
