"""Lines of values files and templates do not show what they keep secret, though only lines around them say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.chart import lines
from strictreal.collect.chart.lines import Lines
from strictreal.redact import MARK

# A specimen: SECRET stands wherever a secret would; the key has its form and no key.
TEMPLATE = """\
apiVersion: v1
kind: Secret
metadata: {name: s}
data:
  any: {{ "SECRET" | b64enc }}
  computed: {{ .Values.password | b64enc | quote }}
stringData:
  first: SECRET
  second: "SECRET"
  third: |
    SECRET
    more SECRET

    last SECRET
---
apiVersion: v1
kind: ConfigMap
data:
  plain: shown
  password: SECRET
  key.pem: |
    -----BEGIN RSA PRIVATE KEY-----
    SECRET
    -----END RSA PRIVATE KEY-----
  after: shown
env:
  - name: DB_PASSWORD
    value: SECRET
  - value: SECRET
    name: API_TOKEN
  - name: LEVEL
    value: shown
  - {name: X_TOKEN, value: SECRET9}
args:
  - --password
  - SECRET
  - --level
  - shown
"""


@given(secret=st.from_regex(r"[a-z]{3,8}[0-9]{2,5}x", fullmatch=True))
def test_no_line_shows_a_secret_and_every_line_is_there(secret: str) -> None:
    text = TEMPLATE.replace("SECRET", secret + "zq")
    found = lines.redacted(text)
    assert secret + "zq" not in "\n".join(found)
    assert len(found) == len(text.split("\n"))
    assert sum("shown" in line for line in found) == 4
    assert "  computed: {{ .Values.password | b64enc | quote }}" in found


@pytest.mark.parametrize("number", range(1, len(TEMPLATE.split("\n")) + 1))
def test_a_line_asked_for_alone_is_the_line_of_the_whole(number: int) -> None:
    assert Lines(TEMPLATE)(number) == lines.redacted(TEMPLATE)[number - 1]
    alone = "a: 1\n- name: DB_PASSWORD\n  value: hunter2x\n"
    assert [Lines(alone)(line) for line in (0, 3, 9)] == ["", f"  value: {MARK}", ""]


@pytest.mark.parametrize(
    "line",
    [
        "image: app:1",
        "secretName: web-tls",
        "password: {{ .Values.auth.password | quote }}",
        'password: {{ include "app.password" . }}',
        "  password:",
        "    key: password",
        "token: true",
        "{{- if .Values.auth.enabled }}",
        "existingSecret: ''",
        "  # the password is set elsewhere",
    ],
)
def test_a_line_that_only_speaks_of_secrets_is_unchanged(line: str) -> None:
    assert Lines(f"a: 1\n{line}\nb: 2")(2) == line
