"""The variable of strict mode in scripts: what turns it off is seen, and what is worked out elsewhere is a gap."""

from __future__ import annotations

import pytest
from evading import evasions

from strictreal.collect import strictness
from strictreal.model import Gap


@pytest.mark.parametrize("value", ["$FLAG", "${FLAG}", "${{ inputs.strict }}", "$(FLAG)"])
def test_a_value_that_is_worked_out_elsewhere_is_a_gap(value: str) -> None:
    facts = strictness.facts_of(("ci.sh", f"export SOMABRAIN_STRICT_REAL={value}\n".encode()))
    [gap] = [fact for fact in facts if isinstance(fact, Gap)]
    assert value in gap.reason


@pytest.mark.parametrize("value", ["1", "$SOMABRAIN_STRICT_REAL", "${SOMABRAIN_STRICT_REAL:-1}"])
def test_a_value_that_is_known_is_none(value: str) -> None:
    facts = strictness.facts_of(("ci.sh", f"export SOMABRAIN_STRICT_REAL={value}\n".encode()))
    assert not [fact for fact in facts if isinstance(fact, Gap)]


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
