"""Literals that a secret's name is given to are in no fact of a Python module, on no line and in no message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strictreal.collect.code import facts_of
from strictreal.model import canonical

SECRET = st.from_regex(r"[a-z]{3,9}( [a-z]{3,6})?[0-9]{2,5}x", fullmatch=True)
FORMS = [
    "def f(a, password='S', host=os.getenv('H')): return a",
    "def f(a, *, pw='S', host=os.getenv('H')): return a",
    "def get_password(user):\n    return 'S'",
    "def stub(a, b):\n    return {'password': 'S', 'x': [1.5, 2.5]}",
    "def stub(a, b):\n    return ['--password', 'S']",
    "os.environ.setdefault('DB_PASSWORD', 'S')",
    "x = os.environ.get('DB_PASSWORD') or 'S'",
    "passphrase, host = 'S', os.getenv('H')",
    "run(['-p', 'S', os.getenv('H')])",
    "client.set_password('S', os.getenv('H'))",
    "apikey = decode('S' + os.getenv('H'))",
    "token = f'S{os.getenv(1)}'",
    "try:\n    import x\nexcept ImportError:\n    password = ('S'\n        'S')",
    "try:\n    import x\nexcept ImportError:\n    auth = {'a': ['S']}",
    "if os.getenv('PASSPHRASE') == 'S': pass",
    "if os.getenv(\n    'DB_PASSWORD', \n    'S'): pass",
    "@app(secret='S', host=os.getenv('H'))\ndef stub(a): return 7",
]


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRET)
@settings(max_examples=10)
def test_a_literal_under_a_secret_name_is_in_no_fact(form: str, secret: str) -> None:
    source = "import os\n" + form.replace("'S", f"'{secret}zq")
    found = facts_of(("app/main.py", source.encode()))
    assert len(found) > 1
    assert f"{secret}zq".encode() not in canonical(found)


def test_a_literal_under_another_name_is_shown() -> None:
    found = facts_of(
        ("app/main.py", b"import os\nhost = os.getenv('HOST', 'db.internal')\ndef f(a):\n    return 'seven'\n")
    )
    assert b"db.internal" in canonical(found)
    assert b"'seven'" in canonical(found)
