"""Secrets never reach a fact."""

from __future__ import annotations

import base64
import hashlib
import random
import string
import uuid

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from strictreal.redact import LIMIT, MARK, is_random, redact, redact_line, redact_path

LETTERS = string.ascii_letters
DIGITS = string.digits
WORD = LETTERS + DIGITS
BASE64URL = WORD + "-_"


def drawn(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most or least)


JWT = st.tuples(drawn(BASE64URL, 12, 300), drawn(BASE64URL, 12, 2000), drawn(BASE64URL, 20, 400)).map(
    lambda parts: "eyJ{}.eyJ{}.{}".format(*parts)
)
TOKENS = st.one_of(
    st.tuples(st.sampled_from(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]), drawn(WORD, 36)).map("".join),
    drawn(WORD + "_", 82).map("github_pat_{}".format),
    drawn(BASE64URL, 20).map("glpat-{}".format),
    st.tuples(st.sampled_from(["xoxb-", "xoxp-", "xoxe-"]), drawn(DIGITS, 12), drawn(WORD, 24)).map("".join),
    st.tuples(st.sampled_from(["AKIA", "ASIA"]), drawn(string.ascii_uppercase + DIGITS, 16)).map("".join),
    drawn(BASE64URL, 35).map("AIza{}".format),
    drawn(WORD, 48).map("sk-{}".format),
    drawn(WORD, 24, 99).map("sk_live_{}".format),
    drawn(WORD, 36).map("npm_{}".format),
    drawn(BASE64URL, 150).map("pypi-{}".format),
    drawn(BASE64URL, 90).map("hvs.{}".format),
    drawn(LETTERS, 34).map("hf_{}".format),
    JWT,
)
AROUND = st.sampled_from(
    [
        'TOKEN = "{}"',
        "x = f('{}')  # why",
        "- run: curl -H 'Authorization: Bearer {}' https://example.org",
        "https://example.org/?key={}&page=1",
        "{}",
        "call({})",
        "https://{}@example.org/repository.git",
        "_{}",
        "value={};",
    ]
)


@given(token=TOKENS, around=AROUND, before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_token_of_well_known_shape_never_survives(token: str, around: str, before: str, after: str):
    line = f"{before} {around.replace('{}', token)} {after}"
    assert token not in redact(line)


@given(token=TOKENS, padding=st.integers(0, LIMIT + 50), limit=st.sampled_from([80, 400, LIMIT]))
@example(token="ghp_" + "a" * 36, padding=LIMIT - 20, limit=LIMIT)
def test_no_part_of_a_token_survives_the_cut_of_a_long_line(token: str, padding: int, limit: int):
    line = "." * min(padding, limit + 50) + " " + token + " " + "." * LIMIT
    kept = redact(line, limit)
    assert len(kept) <= limit + len(MARK)
    assert token[:12] not in kept


PASSWORDS = st.text(WORD + "!#%&*+,-./:;?^_~|@", min_size=6, max_size=600).filter(
    lambda password: any(not character.isalnum() for character in password)
)
NAMES = ["password", "DB_PASSWORD", "api_key", "apiKey", "SECRET", "client_secret", "auth_token", "smtp.passwd", "dsn"]
ASSIGNMENTS = [
    '{name} = "{secret}"',
    "{name} = '{secret}'",
    '{name}: str = "{secret}"',
    "{name}: Optional[str] = '{secret}'",
    'connect(user, {name}="{secret}")',
    '{{"{name}": "{secret}"}}',
    'settings["{name}"] = "{secret}"',
    'os.getenv("{name}", "{secret}")',
    'os.environ.get("{name}", default="{secret}")',
    'os.environ.setdefault("{name}", "{secret}")',
    'os.environ.get("{name}") or "{secret}"',
    'if {name} == "{secret}":',
    '({name} := "{secret}")',
    '{name} = b"{secret}"',
    '{name} = "{secret}',
    '{{"name": "{name}", "value": "{secret}"}}',
]


@given(secret=PASSWORDS, name=st.sampled_from(NAMES), form=st.sampled_from(ASSIGNMENTS))
@example(secret="it's {hard} to say" + "x" * 5000, name="password", form=ASSIGNMENTS[0])
@example(secret=r"back\"slash", name="password", form=ASSIGNMENTS[0])
def test_the_quoted_value_of_a_secret_name_never_survives(secret: str, name: str, form: str):
    assert secret not in redact(form.format(name=name, secret=secret))


@given(secret=st.from_regex(r"[A-Za-z]{4,12}[0-9]{1,6}[A-Za-z+/]{0,12}", fullmatch=True), name=st.sampled_from(NAMES))
@pytest.mark.parametrize("form", ["{name}={secret}", "ENV {name}={secret}", "{name}: {secret}", "{name} = {secret}"])
def test_the_bare_value_of_a_secret_name_never_survives(form: str, secret: str, name: str):
    assert secret not in redact(form.format(name=name, secret=secret))


@given(
    scheme=st.sampled_from(["postgres", "amqp", "redis", "https", "mongodb+srv", "POSTGRESQL"]),
    user=st.sampled_from(["", "app", "app.user"]),
    secret=st.text(WORD + "!@:;,.%$-_", min_size=8, max_size=60).filter(lambda s: s[0] not in "@${<"),
)
def test_the_password_of_a_url_never_survives(scheme: str, user: str, secret: str):
    assert secret not in redact(f'URL = "{scheme}://{user}:{secret}@db.internal:5432/app"')


@pytest.mark.parametrize(
    "line",
    [
        # specimens: headers and first bytes, no keys
        "-----BEGIN RSA PRIVATE KEY-----MIIEpAIBAAKCAQEA",
        "KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjE'",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    ],
)
def test_a_private_key_is_cut_at_its_heading(line: str):
    assert redact(line).endswith(MARK)
    assert "PRIVATE" not in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        'broker = os.getenv("BROKER", "localhost:9092")',
        "password = os.environ['DB_PASSWORD']",
        "token = request.token",
        "password: str",
        'api_key = f"{prefix}{key}"',
        'api_key = "${API_KEY}"',
        'password = "<your password>"',
        "max_tokens = 4096",
        'tokenizer = "bert-base"',
        "def login(password, name='ada'):",
        "if password or name:",
        "http://localhost:8080/path",
        "postgres://app:${PASSWORD}@db/app",
        'passed = "all of them"',
        "compass = 'north'",
        "return Response(status=401)",
        "x = 3",
        "",
    ],
)
def test_what_is_no_secret_is_left_alone(line: str):
    assert redact(line) == line


WORDS = st.from_regex(r"[a-z]{3,9}[A-Z]?[0-9]{2,6}[a-z]{0,6}", fullmatch=True)
"""Passwords that only the place betrays."""


@pytest.mark.parametrize(
    "form",
    [
        "def f(user, password='{}', *, retries=3):",
        "https://x.blob.core.windows.net/c/b?sv=2022-11-02&se=2027-01-01&sp=r&sig={}%3D",
        "sv=2022-11-02&sp={}&se=2027-01-01&sig=abc",
        'curl "https://api.example.org/?token={}&page=2"',
        "https://bucket.example.org/k?X-Amz-Credential=me&X-Amz-Signature={}",
        "https://x.example.org/?X-Goog-Signature=a&X-Goog-Credential={}",
        "mysql -u root -p {} db",
        "mysql -uroot -p{} db",
        "tool --password {} --verbose",
        "tool --api-key={} --verbose",
        "curl -u admin:{} https://example.org",
        'args: ["--token", "{}"]',
        "args: [-p, {}, -v]",
        'run(["tool", "-p", "{}"])',
        "sig, user = '{}', name",
        "user, pw = os.getenv('U'), \"{}\"",
        "pw = '{}'",
        "bearer: '{}'",
        "The password is {}.",
        "The default password for admin is `{}`",
        "**Password:** {}",
        "| password | {} |",
        "log in with password {}",
        'const p = process.env.DB_PASSWORD || "{}";',
        "const p = process.env['DB_PASSWORD'] ?? '{}';",
        'connect(os.getenv("DB_PASSWORD", None) or "{}")',
        "Server=db;Uid=me;Pwd={};Port=1",
        "jdbc:postgresql://h/db?user=x&password={}",
        "<password>{}</password>",
        '<add key="Password" value="{}"/>',
        "- {{name: DB_PASSWORD, value: {}}}",
        '{{{{ .Values.password | default "{}" }}}}',
        "export DB_PASSWORD=${{DB_PASSWORD:-{}}}",
        "ENV DB_PASSWORD={} STRICT=1",
        "passwords = ['a', \"{}\"]",
        'password = decode("{}")',
        'password = f"{}{{suffix}}"',
        'client.set_password("{}")',
        "{{user: ada, password: {}}}",
    ],
)
@given(secret=WORDS)
@settings(max_examples=20)
def test_a_password_never_survives_where_a_value_is_given_to_a_secret_name(form: str, secret: str):
    secret += "zq7"
    assert secret not in redact(form.format(secret))
    assert secret not in redact(form.format(secret).replace(" ", "  "), unquoted=True) or form.startswith("| ")


@pytest.mark.parametrize(
    "form", ["password: {}", "pw: {}  # mine", "passphrase: {} {}", "  api_key: !!str {}", "ENV PASSWORD={}"]
)
@given(
    secret=st.text(LETTERS, min_size=3, max_size=20).filter(
        lambda word: word.lower() not in ("null", "true", "yes", "nil", "none", "false", "undefined")
    )
)
def test_a_word_without_quotes_is_a_value_where_the_language_has_such(form: str, secret: str):
    assert f" {secret}" not in redact(form.format(*[secret] * form.count("{}")), unquoted=True).replace("=", " ")


@given(
    source=st.randoms(use_true_random=False),
    around=st.sampled_from(["x = '{}'", "see {} there", "id: {}", "a/{}/b", "k={}", "({})"]),
)
def test_a_key_drawn_at_random_needs_no_name(source: random.Random, around: str):
    key = "".join(source.choices(WORD, k=source.randint(40, 64)))
    assume(is_random(key))
    assert key not in redact(around.replace("{}", key))


@pytest.mark.parametrize(
    ("alphabet", "length", "share"),
    [(WORD, 32, 0.95), (BASE64URL, 40, 0.97), (string.ascii_lowercase + DIGITS, 24, 0.93)],
)
def test_most_keys_are_seen_to_be_random(alphabet: str, length: int, share: float):
    source = random.Random(7)
    drawn_keys = ["".join(source.choices(alphabet, k=length)) for _ in range(2000)]
    assert sum(map(is_random, drawn_keys)) > share * len(drawn_keys)


@given(st.binary(min_size=16, max_size=64))
def test_digests_ids_and_fingerprints_survive(data: bytes):
    for name, value in (
        ("sha256", hashlib.sha256(data).hexdigest()),
        ("image: app@sha256", hashlib.sha256(data).hexdigest()),
        ("commit", hashlib.sha1(data).hexdigest()),  # noqa: S324
        ("fingerprint", hashlib.sha256(data).hexdigest()[:32]),
        ("id", str(uuid.UUID(bytes=data[:16]))),
        ("sha512-", base64.b64encode(hashlib.sha512(data).digest()).decode()),
        ("SHA256", base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")),
    ):
        line = f"{name}{value}" if name.endswith("-") else f"{name}:{value}"
        assert redact(line) == line


@pytest.mark.parametrize(
    "name",
    [
        "test_the_quoted_value_of_a_secret_name_never_survives_2",
        "VLLM_USE_FLASHINFER_SAMPLER_V1",
        "KubernetesHorizontalPodAutoscalerV2Beta2",
        "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",
        "numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "autoscaling.k8s.io/v1beta2",
        "my-release-web-7d4b9c6f5d-x2x9z",
        "getHTTPResponseCode2xx",
    ],
)
def test_names_are_not_taken_for_random(name: str):
    assert redact(name) == name


def test_a_line_is_read_with_those_before_it():
    lines = ["x = 1", "password = (", '    "hunter2"', "    'tail3'", ")"]
    assert [redact_line(lines, number) for number in range(1, 6)] == [
        "x = 1",
        "password = (",
        f'    "{MARK}"',
        f"    '{MARK}'",
        ")",
    ]
    assert redact_line(["def f(password):", '    return "text"'], 2) == '    return "text"'


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str):
    assert redact(redact(text)) == redact(text)


@given(st.text(st.sampled_from("ab:/@=\"'. pwdsecrtokn-_eyJ\\{}"), max_size=500))
def test_what_is_kept_is_never_longer_than_what_its_marks_add(text: str):
    kept = redact(text)
    assert len(kept) <= len(text) + len(MARK) * kept.count(MARK)


@pytest.mark.parametrize(
    "unit",
    [
        "password",
        "a",
        "x:",
        "token ",
        "pass_",
        "-",
        "\\",
        "pwd:",
        "eyJ",
        "a://",
        "basic ",
        "pass:a ",
        "secret.",
        "'",
        "[k]=",
    ],
)
def test_a_line_made_to_make_patterns_backtrack_is_still_redacted(unit: str):
    secret = "ghp_" + "a" * 36
    line = unit * (LIMIT // len(unit) - 20) + " " + secret
    assert secret not in redact(line + unit * 1_000_000)


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("config/AKIAIOSFODNN7EXAMPL2/x.py", "AKIAIOSFODNN7EXAMPL2"),
        ("token=ghp_16C7e42F292c6912E7710c838347Ae178B4a.txt", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("a/password=Kiwi88Fruit.py", "Kiwi88Fruit"),
    ],
)
def test_a_secret_in_a_name_is_replaced_by_a_mark_of_its_own(path: str, secret: str):
    shown = redact_path(path)
    assert secret not in shown
    assert shown == redact_path(path) != redact_path(path.replace(secret, secret[:-2] + "Zq"))
    assert shown.rpartition(".")[2] == path.rpartition(".")[2]


@pytest.mark.parametrize(
    "path", ["a/password.py", "migrations/1975ea83b712_add_token.py", "k=v/x.py", "static/main.3fa9c2e1d4b5a697.js", ""]
)
def test_an_ordinary_path_stays_as_it_is(path: str):
    assert redact_path(path) == path
