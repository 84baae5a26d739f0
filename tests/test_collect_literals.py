"""Hard-coded values: what belongs in the settings is seen, definitions and links are not, and no credential is kept."""

from __future__ import annotations

import msgspec
import pytest

from strictreal.collect.python import literals
from strictreal.collect.python.module import parse
from strictreal.collect.python.role import is_settings, role


def found(source: str, path: str = "app/worker.py") -> list[tuple[int, str]]:
    module = parse(path, source.encode())
    return sorted((fact.where.line, fact.kind) for fact in literals.facts(module))


HARD_CODED = {
    "localhost": ("connect('localhost')", "host"),
    "an IP address": ("HOST = '10.1.2.3'", "host"),
    "any interface": ("server.bind('0.0.0.0')", "host"),
    "IPv6": ("listen(host='::1')", "host"),
    "a default host": ("def connect(host='db'): ...", "host"),
    "a host with a port": ("BROKERS = ['kafka-1:9092']", "host"),
    "a bootstrap server": ("Producer(bootstrap_servers='kafka:9092')", "host"),
    "an internal name": ("resolve('memory.svc.cluster.local:80')", "host"),
    "a fallback": ("host = environ.get('DB_HOST', 'db.prod.example')", "host"),
    "an alternative": ("host = given or 'localhost'", "host"),
    "a dictionary": ("options = {'host': 'redis'}", "host"),
    "a returned host": ("def host():\n    return 'localhost'", "host"),
    "a port": ("run(app, port=8080)", "port"),
    "a port as text": ("os.getenv('PORT', '8080')", "port"),
    "a constant port": ("GRPC_PORT = 50051", "port"),
    "a port beside a host": ("sock.connect((host, 1)); sock.connect(('db.example', 5432))", "port"),
    "a local URL": ("url = 'http://localhost:8080/v1'", "url"),
    "a formatted URL": ("base = f'http://localhost:{port}/v1'", "url"),
    "a called URL": ("requests.get('https://service.example.com/items')", "url"),
    "an API": ("API_URL = 'https://api.example.com/v2'", "url"),
    "a webhook": ("notify(webhook='https://hooks.example.com/x')", "url"),
    "PostgreSQL": ("DSN = 'postgresql+asyncpg://db/memory'", "dsn"),
    "Redis": ("Redis.from_url('redis://cache:6379/0')", "dsn"),
    "gRPC": ("channel('grpc://memory:50051')", "dsn"),
    "a file database": ("create_engine('sqlite:///memory.db')", "dsn"),
    "a mail server": ("smtplib.SMTP('smtp.example.com', 25)", "host"),
    "a mail server's port": ("smtplib.SMTP('smtp.example.com', 2525)", "port"),
    "a port in a format": ("url = f'http://{host}:8080/health'", "port"),
    "a host in a format": ("target = f'localhost:{port}'", "host"),
    "a DSN with filled-in user": ("dsn = f'postgresql://{user}:{word}@db.internal:5432/x'", "dsn"),
    "a DSN with placeholders": ("dsn = 'postgresql://%s:%s@db:5432/x' % pair", "dsn"),
    "a JDBC address": ("url = 'jdbc:postgresql://db:5432/memory'", "dsn"),
    "a libpq string": ("psycopg.connect('host=db dbname=memory user=me')", "dsn"),
    "a libpq password": ("psycopg.connect('host=db user=me password=hunter2 dbname=x')", "credential"),
    "an authorization header": ("headers = {'Authorization': 'Bearer abc123def456'}", "credential"),
    "a password": ("connect(password='hunter2')", "credential"),
    "a secret key": ("SECRET_KEY = 'django-insecure-9x!k2'", "credential"),
    "an API key": ("headers = {'api_key': 'abc123def456'}", "credential"),
    "a bearer token": ("auth_token = 'tok_9f8e7d6c5b4a'", "credential"),
    "a compared password": ("if password == 'letmein':\n    pass", "credential"),
    "a fallback secret": ("os.environ.get('JWT_SECRET', 'changeme')", "credential"),
    "a login": ("smtp.login('me', 'correct-horse')", "credential"),
    "basic auth": ("get(u, auth=('me', 'correct-horse'))", "credential"),
    "a token by its shape": ("x = 'ghp_" + "a1B2" * 9 + "'", "credential"),
    "attempts": ("if attempts > 5: ...", "threshold"),
    "a score": ("return_ = result.score >= 0.8", "threshold"),
    "elapsed time": ("while time.time() - start < 30: ...", "threshold"),
    "time since": ("if time.monotonic() - seen > 300: ...", "threshold"),
    "seconds since": ("if (now - seen).total_seconds() > 3600: ...", "threshold"),
    "days since": ("if (now - seen).days > 30: ...", "threshold"),
    "a response time": ("if response_time > 500: ...", "threshold"),
    "a page": ("if page_size > 100: ...", "threshold"),
    "a number of something": ("if num_shards > 20: ...", "threshold"),
    "a quotient": ("if ratio < 1 / 4: ...", "threshold"),
    "a key of a record": ("[r for r in rows if r['confidence'] > 0.6]", "threshold"),
    "a queue": ("if len(queue) > 10: ...", "threshold"),
    "a long list": ("if len(items) >= 500: ...", "threshold"),
    "an unnamed fraction": ("if value > 0.35: ...", "threshold"),
    "a product": ("if file_size > 5 * 1024 * 1024: ...", "threshold"),
    "the number on the left": ("if 90 < cpu_percent: ...", "threshold"),
    "sampling": ("if step % 100 == 0: ...", "threshold"),
}


@pytest.mark.parametrize("case", HARD_CODED)
def test_a_value_that_belongs_in_the_settings_is_seen(case):
    source, kind = HARD_CODED[case]
    kinds = {kind for _, kind in found(source)}
    assert kind in kinds


ALLOWED = {
    "a loopback test": "local = host in ('localhost', '127.0.0.1') or host == '::1'",
    "a definition": "LOCALHOST = '127.0.0.1'",
    "any free port": "sock.bind(('127.0.0.1', 0))",
    "a version": "VERSION = '1.2.3.4'",
    "a docstring": "def f():\n    '''Connects to http://localhost:8080 with password=hunter2.'''",
    "a message": "raise ValueError('use postgresql://db/memory')",
    "a log line": "log.info('listening on %s', 'localhost')",
    "a prefix test": "url.startswith('redis://localhost')",
    "a documentation link": "DOCS_URL = 'https://docs.example.com/guide'",
    "a homepage": "HOMEPAGE = 'https://github.com/example/project'",
    "a name space": "XMLNS = 'http://www.w3.org/2001/XMLSchema'",
    "a help text": "field(default=None, help='http://localhost:8080')",
    "an option": "parser.add_argument('--host', default='localhost')",
    "a typer option": "port: int = typer.Option(8080, '--port')",
    "a settings class": "class ServerConfig:\n    host: str = 'localhost'\n    port: int = 8080",
    "a settings class with __init__": "class RedisOptions:\n    def __init__(self, host='localhost'): ...",
    "an assigned port": "HTTPS_PORT = 443",
    "a format": "url = f'redis://{host}:{port}/0'",
    "a format with everything filled in": "url = f'postgresql://{user}:{word}@{host}:{port}/{name}'",
    "a header without a secret": "headers = {'Authorization': 'Bearer token'}",
    "a module and a number": "tasks = [('django.contrib.auth', 405)]",
    "a sentence with equal signs": "text = 'host = the machine, user = the person'",
    "an empty scheme": "scheme = 'redis://'",
    "a memory database": "create_engine('sqlite:///:memory:')",
    "an annotation": "def f(kind: Literal['localhost']): ...",
    "a time of day": "START = '12:30'",
    "an image tag": "image = 'postgres:15'",
    "a network": "private = ip_network('10.0.0.0/8')",
    "a password field": "PASSWORD_FIELD = 'password'",
    "a password's own name": "PASSWORD = 'password'",
    "an empty password": "connect(password='')",
    "a placeholder": "API_KEY = '<your-api-key>'",
    "a variable's name": "API_KEY = 'OPENAI_API_KEY'",
    "an interpolation": "token = '${SERVICE_TOKEN}'",
    "a prompt": "password = 'Enter your password: '",
    "a token of a grammar": "pad_token = '[PAD]'; token = '('",
    "a token's address": "token_url = 'oauth/token'",
    "a mode": "if update_password == 'always': ...",
    "small numbers": "if retries > 2 or score > 1 or lag == -1: ...",
    "a named constant": "LIMIT = 50\nif retries > LIMIT: ...",
    "a status": "if response.status_code >= 400: ...",
    "a Python version": "if sys.version_info >= (3, 12): ...",
    "a character": "if ord(c) > 126: ...",
    "a structure": "if len(parts) < 4 or len(args) > 3: ...",
    "a dimension": "if array.ndim > 3: ...",
    "an hour": "if now.hour > 11: ...",
    "a format's limit": "if count > 65535 or size > 255: ...",
    "a unit": "if seconds < 60: ...",
    "a tolerance": "if abs(difference) < 1e-6: ...",
    "a domain": "if not 0 <= weight <= 50:\n    raise ValueError",
    "a mask": "if flags & 0xFF > 16: ...",
    "an equality": "if attempts == 5: ...",
    "an assertion": "assert score > 0.5",
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_is_no_setting_is_left_alone(case):
    assert found(ALLOWED[case]) == []


def test_a_dsn_with_a_password_keeps_no_password():
    [fact] = literals.facts(parse("app.py", b"DSN = 'amqp://user:s3cr3tword@mq:5672//'"))
    assert (fact.kind, fact.value) == ("dsn", "amqp://user:[redacted]@mq:5672//")
    assert b"s3cr3tword" not in msgspec.json.encode(fact)


@pytest.mark.parametrize(
    "source",
    [
        "client = connect('localhost', 5432, passwd='Tr0ub4dor')",
        "smtp.login('me', 'Tr0ub4dor'); smtp.connect('localhost')",
        "get('http://localhost:1', auth=('me', 'Tr0ub4dor'))",
        "f('localhost', **{'db-password': b'Tr0ub4dor'})",
        "if secret == 'Tr0ub4dor': connect('localhost')",
        "connect('localhost', signing_key=('Tr0' 'ub4dor'))",
    ],
)
def test_no_fact_of_a_line_holds_a_credential_on_it(source):
    facts = list(literals.facts(parse("app.py", source.encode())))
    assert {fact.kind for fact in facts} > {"credential"}
    assert b"Tr0" not in msgspec.json.encode(facts)


def test_tests_and_examples_are_passed_over():
    for path in ("tests/test_worker.py", "worker_test.py", "examples/worker.py", "docs/conf.py"):
        assert found("HOST = 'localhost'", path) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/app/worker.py", "product"),
        ("tests/helpers.py", "test"),
        ("src/app/test_worker.py", "test"),
        ("src/app/conftest.py", "test"),
        ("src/app/latest.py", "product"),
        ("src/app/contest.py", "product"),
        ("examples/basic.py", "example"),
        ("docs/build.py", "example"),
    ],
)
def test_a_module_is_for_the_product_for_tests_or_for_show(path, expected):
    assert role(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("common/config/settings.py", True),
        ("app/settings/production.py", True),
        ("app/config/__init__.py", True),
        ("app/conf.py", True),
        ("app/_config.py", True),
        ("app/worker_settings.py", True),
        ("app/settings_local.py", True),
        ("app/envs.py", True),
        ("tests/settings.py", True),
        ("tests/config/factory.py", False),
        ("app/test_settings.py", False),
        ("app/reconfigure.py", False),
        ("app/worker.py", False),
        ("migrations/env.py", False),
    ],
)
def test_settings_modules_are_recognised_by_name(path, expected):
    assert is_settings(path) == expected
