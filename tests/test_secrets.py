"""A secret that is planted anywhere in a subject is in no file of the bundle that an audit of it leaves."""

from __future__ import annotations

import base64
import random
import string
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from subjects import commit, strictreal

from strictreal.redact import MARK
from strictreal.redact.randomness import is_random

MODULE = """\
import os
import subprocess
import requests

def connect(host=os.getenv("HOST"), password="{S1}", *, pw="{S2}"):
    return host

def answer(question):
    return "{R1}"

def get_token(user):
    return "{S3}"

def options(user):
    return {{"sort": 1.5, "limit": 2.5, "api_key": "{S4}"}}

os.environ.setdefault("DB_PASSWORD", "{S5}")
sas = os.getenv("SAS", "https://x.blob.core.windows.net/c?sv=2022-11-02&se={S6}&sig={S7}%3D")
signed = os.getenv("URL", "https://s3.example.org/k?X-Amz-Credential={S8}&X-Amz-Signature={S9}")
asked = os.getenv("ASK", "https://api.example.org/?token={T1}&page=2")
subprocess.run(["tool", os.getenv("MODE"), "-p", "{T2}", "--password", "{T3}"])
subprocess.run("tool --password {T4} -p {T5} " + os.getenv("MODE"), check=True)
pwd = os.getenv("X") or "{T6}"
sig, passphrase, apikey, auth, bearer = os.getenv("Y"), "{T7}", "{T8}", "{T9}", "{U1}"
dsn = os.getenv("DSN", "postgres://app:{U2}@db:5432/app")
odbc = os.getenv("ODBC", "Server=db;Uid=me;Pwd={U3};Port=1")
anything = os.getenv("ANY", "{R2}")
header = os.getenv("H", "Authorization: Bearer {R3}")
try:
    import fast
except ImportError:
    password = (
        "{U4}"
        "{U5}"
    )
"""
SCRIPT = """\
const a = process.env.DB_PASSWORD || "{V1}";
const b = process.env["API_KEY"] ?? '{V2}';
const c = {{ host: process.env.HOST, password: "{V3}", key: "{R4}" }};
"""
ROADMAP = """\
# Roadmap

- [x] The password is {W1}
- [x] Log in with password `{W2}`
- [DONE] passphrase: {W3}
- [DONE] Copied {R5} to the server
- [x] https://ada:{W4}@example.org works
"""
DOCKERFILE = """\
FROM scratch
ENV SOMABRAIN_STRICT_REAL=0 DB_PASSWORD={X1}
ENV DB_PASSWORD={X2} SOMABRAIN_STRICT_REAL=0
RUN SOMABRAIN_STRICT_REAL=0 tool --token {X3}
"""
COMPOSE = """\
services:
  web:
    environment: {{SOMABRAIN_STRICT_REAL: "0", password: {X4}, DB_PASSWORD: "{X5}"}}
"""
VALUES = """\
auth:
  password: {Y1}
  user: {{name: ada, password: {Y2}}}
password: {Y3}
"""
SCHEMA = """\
{"properties": {"auth": {"properties": {"password": {"pattern": "^-$"}, "user": {"properties": {"password": {"enum": ["-"]}}}}},
 "password": {"maxLength": 1}}}
"""
TEMPLATE = """\
apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    example.org/api-token: {Z1}
    kubectl.kubernetes.io/last-applied-configuration: '{{"kind":"Secret","stringData":{{"any":"{Z2}"}}}}'
data:
  any: {B1}
stringData:
  name: {Z3}
  wrong: [{Z4}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: c}}
data:
  DB_PASSWORD: {Z5}
  app.ini: |
    [db]
    password = {Z6}
  app.yaml: |
    user: {{name: ada, password: {Z7}}}
    env:
      - name: API_KEY
        value: {Z8}
  app.sh: tool --token {Z9} -p {Q1}
  any: {R6}
---
apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec:
  containers:
    - name: main
      image: main:1
      command: [tool, --password, {Q2}, -p, {Q3}]
      args:
        - --api-key={Q4}
        - --token
        - {Q5}
        - --quiet
        - {Z3}
        - {B1}
      env:
        - name: DB_PASSWORD
          value: {Q6}
          valve: 1
        - {{name: APIKEY, value: [{Q7}]}}
        - name: URL
          value: amqp://app:{Q8}@mq:5672/
      unknown: {R7}
---
apiVersion: v1
kind: Pod
metadata: {{name: q, password: {Q9}}}
spec:
  containers:
    - name: main
      image: main:1
      env:
        - name: DB_PASSWORD
          value:
            any: {P2}
      workingDir: [--password, {P3}]
"""
PLAIN = """\
apiVersion: v1
kind: Pod
metadata: {{name: plain, annotations: {{example.org/password: {P7}}}}}
spec:
  containers:
    - name: main
      image: main:1
      command: [tool, --password, {P8}]
      env:
        - name: DB_PASSWORD
          value: {P9}
          valve: 1
"""
FAILING = '{{{{ fail "the password {P4} is too short" }}}}'
BROKEN = "kind: Secret\nstringData:\n  any: {P5}\n bad: {P6}\n"
TEXTS = (MODULE, SCRIPT, ROADMAP, DOCKERFILE, COMPOSE, VALUES, TEMPLATE, PLAIN, FAILING, BROKEN)
BASE62 = string.ascii_letters + string.digits
NAMED = [a + b for a in "STUVWXYZQP" for b in "123456789" if any(f"{{{a}{b}}}" in text for text in TEXTS)]
DRAWN = [f"R{number}" for number in range(1, 8)]


def word(source: random.Random) -> str:
    """What people choose as a password: letters and digits, no more."""
    letters = "".join(source.choices(string.ascii_letters, k=source.randint(4, 9)))
    return f"{letters}{source.randint(100, 99999)}{source.choice(string.ascii_lowercase)}"


def key(source: random.Random) -> str:
    """What machines draw: so random that no name is needed to see it."""
    return next(k for k in iter(lambda: "".join(source.choices(BASE62, k=source.randint(32, 48))), "") if is_random(k))


@given(source=st.randoms(use_true_random=False, note_method_calls=False))
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_a_planted_secret_is_in_no_file_of_a_bundle(tmp_path_factory, source: random.Random) -> None:
    planted = {place: f"{word(source)}{number:02}q" for number, place in enumerate(NAMED)}
    planted |= {place: key(source) for place in DRAWN}
    held = f"{word(source)}heldsecret1"
    planted["B1"] = base64.b64encode(held.encode()).decode()
    folder = tmp_path_factory.mktemp("subject")
    root = folder / "subject"
    chart = "apiVersion: v2\nname: app\nversion: 0.1.0\n"
    commit(
        root,
        {
            "app/main.py": MODULE.format(**planted),
            "web/main.js": SCRIPT.format(**planted),
            "ROADMAP.md": ROADMAP.format(**planted),
            "Dockerfile": DOCKERFILE.format(**planted),
            "compose.yaml": COMPOSE.format(**planted),
            **{f"chart/{name}": text for name, text in _chart(chart, TEMPLATE.format(**planted)).items()},
            "chart/values.yaml": VALUES.format(**planted),
            "chart/values.schema.json": SCHEMA,
            "deploy/plain.yaml": PLAIN.format(**planted),
            **{f"failing/{name}": text for name, text in _chart(chart, FAILING.format(**planted)).items()},
            **{f"broken/{name}": text for name, text in _chart(chart, BROKEN.format(**planted)).items()},
        },
    )
    run = strictreal("audit", root, "--format", "json", "--output", folder / "out")
    written = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    assert any(MARK.encode() in data for data in written.values()), run.errors
    leaks = {
        place: (str(path), _around(data, secret.encode()))
        for place, secret in {**planted, "held": held}.items()
        for path, data in {**written, Path("stdout"): run.output.encode()}.items()
        if secret.encode() in data
    }
    assert not leaks, "\n".join(f"{place} {text}" for place, text in leaks.items())


def _chart(chart: str, template: str) -> dict[str, str]:
    return {"Chart.yaml": chart, "templates/all.yaml": template}


def _around(data: bytes, secret: bytes) -> str:
    at = data.index(secret)
    return data[max(0, at - 160) : at + 80].decode(errors="replace")
