"""What asserts, by its name: functions of other modules of which no more is seen."""

from __future__ import annotations

from collections.abc import Sequence

from strictreal.collect.python.vocabulary import vocabulary

_ASSERTING = vocabulary(
    """
    assert asserts expect expects check checks verify verifies ensure should must fail fails raises warns compare
    validate
    equal equals confirm approve snapshot golden conform conforms invariant matches roundtrip test
    tests
    """
)
LEADING = vocabulary("assert asserts expect check verify ensure should must fail raises warns")
"""First words of methods of any object that assert."""
RAISING = vocabulary(
    "raise_for_status check_call check_output check_returncode deprecated_call assert_that eq_ ok_ fail"
)
"""Functions that raise on failure, by their purpose."""
_TESTING_MODULES = vocabulary(
    "testing assertions asserts asserters test_utils testutils assertpy hamcrest sure expects"
)
_EQUIPMENT = vocabulary(
    """
    client app application server session request context data database db file dir directory path config settings user
    model case cases factory engine id name url runner cli args kwargs images dataset loader
    """
)
"""What a test is done with: `test_client()` makes one and looks at nothing."""


def says(named: Sequence[str], dotted: str) -> bool:
    """Whether a function asserts, by the words of its name or by the module that it is from.

    Args:
        named: the words of its last name.
        dotted: the name in full; "" when it is not known.
    """
    if named and named[0] == "test" and named[-1] in _EQUIPMENT:
        return False  # `app.test_client()`
    return bool(set(named) & _ASSERTING) or bool(set(dotted.lower().split(".")[:-1]) & _TESTING_MODULES)
