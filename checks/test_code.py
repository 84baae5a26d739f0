"""Code: one source for every setting, nothing that only looks real."""

from strictreal.check import check
from strictreal.facts.code import EnvAccess, SettingsModule
from strictreal.model import Facts


@check(
    "code.env-access",
    proves="Environment variables are read in the settings module and nowhere else.",
    remedy="Add a field to the settings class and read it from there.",
)
def test_environment_is_read_only_in_settings(accesses: Facts[EnvAccess], settings: SettingsModule):
    for access in accesses:
        if access.path not in settings:
            yield access.finding(f"{access.form} outside {settings.name}")
