"""Policies: Rego that says what it seems to say, in every engine, and is tested."""

from strictreal.check import check
from strictreal.facts.charts import with_values
from strictreal.facts.policies import (
    Negation,
    ParityDifference,
    PolicyAnswer,
    PolicyData,
    PolicyRule,
    PolicyTest,
    PolicyViolation,
    RegoFile,
    RuleCoverage,
    SilentRule,
    Survivor,
    UnconditionalAnswer,
    Unportable,
)
from strictreal.model import Facts


@check(
    "policies.parses",
    proves="Every Rego file can be parsed.",
    remedy="Correct the syntax; `opa check` says what it expects.",
)
def test_every_policy_parses(files: Facts[RegoFile]):
    for file in files:
        if file.problem:
            yield file.finding(f"cannot be parsed: {file.problem}")


@check(
    "policies.default-open",
    proves="No policy permits what it has not looked at.",
    remedy="Begin with `default allow := false`, and write rules for what is permitted.",
)
def test_no_policy_is_open_by_default(answers: Facts[UnconditionalAnswer], seen: Facts[PolicyAnswer]):
    when = {
        "default": "unless a rule says otherwise",
        "constant": "whatever the input",
        "else": "when nothing before it holds",
    }
    for answer in answers:
        if answer.opens:
            yield answer.finding(f"{answer.rule} is {answer.value} {when[answer.form]}")
    told = {(answer.path, answer.rule) for answer in answers if answer.opens}
    for answer in seen:
        if answer.opens and answer.whole and (answer.path, answer.rule) not in told:
            told.add((answer.path, answer.rule))
            yield answer.finding(f"{answer.rule} is {answer.value} on {answer.given}")


@check(
    "policies.undefined-negation",
    proves="No rule falls silent because a reference inside `not` is undefined.",
    remedy="Put the condition into a helper rule and negate that: `not is_fixed(container)`.",
)
def test_no_rule_falls_silent_under_a_negation(
    negations: Facts[Negation], rules: Facts[PolicyRule], data: Facts[PolicyData], silent: Facts[SilentRule]
):
    total = {f"data.{rule.package}.{rule.name}" for rule in rules if rule.total}
    known = {key for document in data for key in document.keys}
    seen = {(rule.path, rule.where.line, rule.rule): rule.absent for rule in silent}
    for negation in negations:
        absent = seen.get((negation.path, negation.where.line, negation.rule), "")
        open_ends = [
            operand.reference
            for operand in negation.operands
            if not operand.excuse and operand.needs not in total and not _is_known(operand.needs, known)
        ]
        if open_ends or (absent and not any(operand.excuse for operand in negation.operands)):
            named = ", ".join(open_ends) or absent
            proof = f"; seen without {absent}" if absent else ""
            when = f" in OPA before {negation.since}" if negation.since else ""
            yield negation.finding(f"{negation.rule} is silent{when} when {named} is undefined{proof}")


def _is_known(path: str, known: set[str]) -> bool:
    """Whether a data document beside the policies holds a `data.…` path, wherever its root is."""
    parts = path.split(".")[1:]
    return any(".".join(parts[start:]) in known for start in range(len(parts)))


@check(
    "policies.portable",
    proves="Every policy answers alike in OPA and in the embedded engine.",
    remedy="Write it without the named builtin or construct, or pass its result in as data.",
)
def test_policies_use_only_what_both_engines_answer_alike(uses: Facts[Unportable]):
    for use in uses:
        yield use.finding(f"{use.name}: {use.reason}")


@check(
    "policies.tested",
    proves="Every rule is evaluated by a test, and every policy test passes.",
    remedy="Write a test in which the rule holds, and one in which it does not.",
)
def test_every_rule_is_tested(coverage: Facts[RuleCoverage], tests: Facts[PolicyTest], data: Facts[PolicyData]):
    untested = set()
    for rule in coverage:
        if not rule.module_reached:
            if rule.path not in untested:
                yield rule.finding("no test evaluates any rule of this module")
            untested.add(rule.path)
        elif not rule.reached:
            yield rule.finding(f"no test evaluates {rule.rule}")
        elif rule.missed:
            lines = ", ".join(str(line) for line in rule.missed[:10])
            yield rule.finding(f"no test evaluates {rule.rule} at line {lines}")
    for test in tests:
        if test.outcome == "failed":
            reason = f": {test.message}" if test.message else ""
            yield test.finding(f"{test.name} does not pass in {test.engine}{reason}")


@check(
    "policies.mutants",
    proves="Every small change to a policy makes one of its tests fail.",
    remedy="Write a test that the changed rule fails; `strictreal policy mutate` shows when it does.",
)
def test_every_mutant_is_noticed(survivors: Facts[Survivor]):
    for survivor in survivors:
        yield survivor.finding(f"no test notices: {survivor.operator} in {survivor.rule}: {survivor.change}")


@check(
    "policies.parity",
    proves="OPA and the embedded engine give every policy test and every rendered manifest the same answer.",
    remedy="Find the construct that they read differently; OPA's answer is the one that counts.",
)
def test_both_engines_give_the_same_answers(differences: Facts[ParityDifference]):
    for difference in differences:
        answers = f"OPA answers {difference.opa}, the embedded engine {difference.embedded}"
        yield difference.finding(f"{difference.question}: {answers}")


@check(
    "charts.policy",
    proves="No rendered manifest violates a policy.",
    remedy="Change the template or its values as the violated rule says.",
)
def test_no_manifest_violates_a_policy(violations: Facts[PolicyViolation]):
    for violation in violations:
        place = f" ({violation.field})" if violation.field else ""
        said = f"{violation.rule}: {violation.message}{place}{with_values(violation.overlays)}"
        yield violation.finding(said, remedy=violation.remedy)
