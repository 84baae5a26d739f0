"""What collectors see in Rego policies, in their tests, and in what they say of rendered manifests."""

from __future__ import annotations

import msgspec

from strictreal.model import Located, Natural


class RegoFile(Located, frozen=True, kw_only=True):
    """One .rego file: the unit in which policies are read."""

    language: str = ""
    """`v1` or `v0`; "" when it is neither."""
    problem: str = ""
    """Why it cannot be parsed, with the engine that says so; empty when it can."""


class PolicyModule(Located, frozen=True, kw_only=True):
    """One parsed Rego module: the unit in which policies are examined."""

    package: str
    """Dotted, without `data.`."""
    language: str
    tests: bool
    """Whether it is a file of tests."""
    refers: tuple[str, ...] = ()
    """Dotted paths below `data` that it mentions."""


class PolicyRule(Located, frozen=True, kw_only=True):
    """One definition of a rule or function; `where` spans it."""

    unit = "PolicyModule"
    package: str
    name: str
    kind: str
    """default, complete, set, object or function."""
    total: bool
    """Whether the rule is defined for every input."""
    test: bool = False
    entrypoint: bool = False
    """Whether METADATA says that it is asked from outside."""
    used: bool = False
    """Whether another rule of its module reads it."""
    title: str = ""
    severity: str = ""
    remedy: str = ""
    """From the METADATA of the rule or of its package; empty when there is none."""


class OfRule(Located, frozen=True, kw_only=True):
    """Something that is seen of one rule; drawn from its module unless another unit is named."""

    unit = "PolicyModule"
    rule: str
    """Its name, without the package."""


class UnconditionalAnswer(OfRule, frozen=True, kw_only=True):
    """An answer that a rule gives without a condition."""

    form: str
    """default, constant, or else."""
    value: str
    """The answer as canonical JSON, at most 200 characters."""
    opens: bool
    """Whether this answer, given by a rule of this name, lets its subject through."""


class AskedPolicy(Located, frozen=True, kw_only=True):
    """One module whose decisions were evaluated: the unit in which answers are examined."""

    documents: Natural
    """How many inputs each of them was evaluated on."""


class PolicyAnswer(OfRule, frozen=True, kw_only=True):
    """What a rule that permits was evaluated to, on an input that says nothing or lacks a field."""

    unit = "AskedPolicy"
    given: str
    """`{}`, `null`, or `input 3 without spec`: an input of the policy's own tests, from 1, with one field removed."""
    engine: str
    """Name and version."""
    value: str
    """The answer as canonical JSON, at most 200 characters; "" when it is undefined."""
    opens: bool
    """Whether this answer, given by a rule of this name, lets its subject through."""
    whole: bool
    """Whether everything that the rule judges is absent: the input is empty, or lacks an object or list at its top."""


class Operand(msgspec.Struct, frozen=True, kw_only=True):
    """Something that OPA evaluates before a negation, so that the rule is silent when it is undefined."""

    reference: str
    needs: str = ""
    """The `data.…` path that has to be defined always for this to be harmless; "" when nothing can vouch for it."""
    excuse: str = ""
    """Why the rule does not fall silent unnoticed; empty when nothing speaks for it."""


class Negation(OfRule, frozen=True, kw_only=True):
    """A negation of which OPA evaluates something outside."""

    since: str = ""
    """The version of OPA that evaluates all of it inside, when what the module imports says so; "" when none does."""
    operands: tuple[Operand, ...]


class Unportable(Located, frozen=True, kw_only=True):
    """Something that the embedded engine lacks, answers differently from OPA, or must not evaluate."""

    unit = "PolicyModule"
    kind: str
    """impure, unsupported or different."""
    name: str
    reason: str


class PolicyData(Located, frozen=True, kw_only=True):
    """A data document beside policies."""

    keys: tuple[str, ...]
    """Dotted paths of its objects' keys, at most 2,000 and 8 deep."""


class PolicySuite(Located, frozen=True, kw_only=True):
    """One file of policy tests that was run: the unit in which tests are examined."""

    modules: tuple[str, ...]
    """Paths of what was loaded for it."""


class PolicyTest(Located, frozen=True, kw_only=True):
    """One policy test, run in one engine."""

    unit = "PolicySuite"
    package: str
    name: str
    engine: str
    """Name and version."""
    outcome: str
    """passed, failed, skipped or error."""
    message: str = ""


class RuleCoverage(OfRule, frozen=True, kw_only=True):
    """What the tests evaluate of one rule definition."""

    reached: bool
    """Whether any test evaluates any line of it."""
    module_reached: bool
    """Whether any test evaluates any line of its module."""
    missed: tuple[Natural, ...] = ()
    """Lines that no test evaluates."""


class MutatedPolicy(Located, frozen=True, kw_only=True):
    """One module of which every small change was tried on its tests: the unit in which mutants are examined."""

    mutants: Natural
    """How many changes were tried."""


class Survivor(OfRule, frozen=True, kw_only=True):
    """A changed policy that passes every test of the original."""

    unit = "MutatedPolicy"
    operator: str
    """What was done: negate, drop an expression, change a constant, …"""
    change: str
    """The source before and after, with an arrow between."""


class SilentRule(OfRule, frozen=True, kw_only=True):
    """A negation that was seen to fall silent when a field of a test's input was removed."""

    absent: str
    """The field that was removed."""


class PolicyComparison(Located, frozen=True, kw_only=True):
    """Policies that both engines were asked about: the unit in which their answers are compared."""

    questions: Natural
    """How many inputs were put to both."""


class ParityDifference(Located, frozen=True, kw_only=True):
    """One question that the engines answer differently."""

    unit = "PolicyComparison"
    question: str
    embedded: str
    opa: str


class JudgedManifest(Located, frozen=True, kw_only=True):
    """One rendered manifest that the policies of the suite judged: the unit in which they are counted."""

    chart: str
    rules: Natural
    """How many rules there are."""


class PolicyViolation(OfRule, frozen=True, kw_only=True):
    """What a policy of the suite says of a rendered manifest."""

    unit = "JudgedManifest"
    message: str
    severity: str
    remedy: str
    field: str
    """Path inside the manifest, empty for the manifest as a whole."""
    overlays: tuple[str, ...] = ("",)
    """The values with which it is said, "" for the chart's own."""
