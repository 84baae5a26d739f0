"""Every pattern rule finds what its fixture says it finds, and nothing else there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strictreal import suite
from strictreal.collect.languages import LANGUAGES, language_of
from strictreal.engines import semgrep
from strictreal.engines.rules import RuleSet
from strictreal.engines.semgrep import Reading
from strictreal.errors import SuiteError

RULES = RuleSet(suite.root() / "rules")
ANNOTATION = re.compile(r"(?:#|//)\s*(ruleid|ok):\s*([\w-]+)\s*$")


def fixtures(rule: str) -> list[Path]:
    return sorted((RULES.folder / RULES.check_of(rule) / "fixtures").glob(f"{rule}.*"))


def mistakes(rule: str, source: str, reading: Reading) -> list[str]:
    """Where a reading differs from what the annotations say: each is about the line below it."""
    lines = source.splitlines()
    expected = {}
    for number, line in enumerate(lines, 1):
        if annotation := ANNOTATION.search(line):
            assert annotation[2] == rule, f"line {number} speaks of another rule"
            expected[number + 1] = annotation[1] == "ruleid"
    found = {match.line for match in reading.found if match.rule == rule}
    missed = [f"missed: {lines[line - 1]}" for line, wanted in expected.items() if wanted and line not in found]
    wrong = [f"false: {lines[line - 1]}" for line in sorted(found) if not expected.get(line)]
    return [reading.failed] * bool(reading.failed) + missed + wrong


@pytest.fixture(scope="module")
def readings() -> dict[tuple[str, Path, str], Reading]:
    """Every fixture read once, in each of its rule's languages that can read its kind of file."""
    cases = []
    with semgrep.Run(RULES.as_json()) as run:
        for rule in RULES.rules:
            for path in fixtures(rule):
                for language in RULES.rules[rule]["languages"]:
                    if language == language_of(path.name) or (language, path.suffix) == ("typescript", ".js"):
                        suffix = ".ts" if language == "typescript" else path.suffix
                        run.add(language, suffix, path.read_bytes())
                        cases.append((rule, path, language))
        run.start()
        return dict(zip(cases, run.readings(), strict=True))


@pytest.mark.parametrize("rule", list(RULES.rules))
def test_a_rule_finds_what_its_fixture_says(rule: str, readings: dict[tuple[str, Path, str], Reading]):
    own = {case: reading for case, reading in readings.items() if case[0] == rule}
    assert own, f"{rule} has no fixture: put {rule}.<ext> into rules/{RULES.check_of(rule)}/fixtures/"
    for (_, path, language), reading in own.items():
        assert mistakes(rule, path.read_text(), reading) == [], f"{path.name} as {language}"
        assert reading.unread == (), f"{path.name} as {language}"


@pytest.mark.parametrize("rule", list(RULES.rules))
def test_a_fixture_has_lines_to_find_and_lines_to_leave(rule: str):
    said = "".join(path.read_text() for path in fixtures(rule))
    assert len(re.findall(r"\bruleid:", said)) >= 2
    assert len(re.findall(r"\bok:", said)) >= 2


@pytest.mark.parametrize("rule", list(RULES.rules))
def test_a_rule_that_finds_nothing_is_found_out(rule: str):
    source = fixtures(rule)[0].read_text()
    assert len(mistakes(rule, source, Reading())) == len(re.findall(r"\bruleid:", source))


def test_every_fixture_belongs_to_a_rule():
    stray = {path.stem for path in RULES.folder.glob("*/fixtures/*")} - set(RULES.rules)
    assert stray == set()


def test_every_check_with_rules_has_one_for_every_language_without_syntax_trees():
    """A file counts as examined for a check, so there must be something that looks at it."""
    checks = {RULES.check_of(rule) for rule in RULES.rules}
    covered = {(RULES.check_of(rule), language) for rule, body in RULES.rules.items() for language in body["languages"]}
    assert {
        (check, language) for check in checks for language in set(LANGUAGES.values()) - {"python"}
    } - covered == set()


@pytest.mark.parametrize(
    "text",
    [
        "rules: []",
        "rules: [{id: other, metadata: {check: code.x}}]",
        "rules: [{id: rule, metadata: {check: code.y}}]",
        "rules: [{id: rule}]",
        "{",
        "[]",
    ],
)
def test_a_file_that_is_not_one_rule_under_its_own_name_is_refused(tmp_path: Path, text: str):
    (tmp_path / "code.x").mkdir()
    (tmp_path / "code.x" / "rule.yaml").write_text(text)
    with pytest.raises(SuiteError, match=r"rule\.yaml"):
        _ = RuleSet(tmp_path).rules


def test_the_digest_covers_every_byte_of_every_rule(tmp_path: Path):
    (tmp_path / "code.x").mkdir()
    rule = tmp_path / "code.x" / "rule.yaml"
    rule.write_text("rules: [{id: rule, metadata: {check: code.x}}]")
    before = RuleSet(tmp_path).digest
    rule.write_text("rules: [{id: rule, metadata: {check: code.x}}] ")
    assert RuleSet(tmp_path).digest != before
