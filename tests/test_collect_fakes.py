"""Fakes: whatever stands where a real collaborator or real data belongs is seen; what only sounds like it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python import fakes
from strictreal.collect.python.module import parse
from strictreal.collect.python.standins import LEGACY
from strictreal.facts.behaviour import Fake
from tests.judging import findings

IN_TESTS = {
    "unittest.mock": "from unittest import mock\nm = mock.Mock()",
    "a renamed mock": "from unittest import mock as m\nm.patch('a.b')",
    "MagicMock": "from unittest.mock import MagicMock as M\nclient = M()",
    "a decorator": "from unittest.mock import patch\n@patch('app.send')\ndef test_a(send): ...",
    "a dotted use": "import unittest.mock\nwith unittest.mock.patch.object(a, 'b'): ...",
    "the mock package": "import mock\nmock.patch('a')",
    "an import alone": "from unittest.mock import AsyncMock",
    "a star": "from unittest.mock import *",
    "a dynamic import": "import importlib\nm = importlib.import_module('unittest.mock')",
    "a class of mocks": "from unittest.mock import MagicMock\nclass Client(MagicMock): ...",
    "pytest-mock": "def test_a(mocker):\n    mocker.patch('app.send')",
    "pytest-mock's type": "from pytest_mock import MockerFixture\ndef test_a(m: MockerFixture): ...",
    "monkeypatched behaviour": "def test_a(monkeypatch):\n    monkeypatch.setattr('app.send', lambda *a: None)",
    "a monkeypatched function": "def f(x): ...\ndef test_a(monkeypatch):\n    monkeypatch.setattr(app, 'send', f)",
    "a monkeypatched module": "def test_a(monkeypatch):\n    monkeypatch.setitem(sys.modules, 'redis', Fake())",
    "a monkeypatched client": "def test_a(monkeypatch, client):\n    monkeypatch.setattr(app, 'client', client)",
    "a MonkeyPatch context": "with pytest.MonkeyPatch.context() as mp:\n    mp.setattr(app, 'send', lambda: 1)",
    "an assigned lambda": "import requests\nrequests.get = lambda url: None",
    "an assigned function": "import app.bus\ndef send(x): ...\napp.bus.publish = send",
    "a replaced module": "import sys, types\nsys.modules['redis'] = types.ModuleType('redis')",
    "an overridden dependency": "app.dependency_overrides[get_db] = lambda: None",
    "fakeredis": "import fakeredis\nr = fakeredis.FakeRedis()",
    "moto": "from moto import mock_aws\n@mock_aws\ndef test_a(): ...",
    "responses": "import responses\n@responses.activate\ndef test_a(): ...",
    "requests-mock's fixture": "def test_a(requests_mock): ...",
    "respx": "import respx\nrespx.get('/').mock()",
    "mongomock": "import mongomock\nc = mongomock.MongoClient()",
    "a mock transport": "import httpx\nc = httpx.Client(transport=httpx.MockTransport(handle))",
    "a recording": "import vcr\n@vcr.use_cassette('a.yaml')\ndef test_a(): ...",
    "importorskip": "import pytest\nfakeredis = pytest.importorskip('fakeredis')",
    "a vector store in memory": "from qdrant_client import QdrantClient\nc = QdrantClient(':memory:')",
    "a fake client": "class FakeRedisClient:\n    def get(self, key): ...",
    "a fake of a base": "class FakeBus(EventBus):\n    pass",
    "a suffix": "class RedisMock:\n    def get(self, key): ...",
    "a dummy store": "class DummyStore:\n    def save(self, item): ...",
    "a stub service": "class _StubPaymentService:\n    def charge(self, card): ...",
    "a store in memory": "class InMemoryUserRepository(UserRepository):\n    def get(self, id): ...",
    "a fake response": "class FakeResponse:\n    status_code = 200\n    def json(self): ...",
    "a mock that answers": "class MockSensor:\n    def temperature(self): ...",
    "a nested context of monkeypatch": (
        "def test_a(monkeypatch):\n    with monkeypatch.context() as inner:\n"
        "        inner.setattr(app, 'send', lambda: 1)"
    ),
    "a renamed monkeypatch": (
        "import pytest\ndef test_a(swap: pytest.MonkeyPatch):\n    swap.setattr(app, 'send', lambda: 1)"
    ),
    "an assigned method of a client": "def test_a(client):\n    client.get = lambda key: None",
    "an assigned method of one's own client": "class T:\n    def test_a(self):\n        self.client.send = fake_send",
    "an empty module": "import sys\nsys.modules['redis'] = object()",
    "a server of answers": "def test_a(httpserver):\n    httpserver.expect_request('/a')",
    "a phony mailer": "class PhonyMailer:\n    def send(self, mail): ...",
    "a scripted model": "class ScriptedLLM:\n    def complete(self, prompt): ...",
    "a simulated exchange": "class SimulatedExchange:\n    def place(self, order): ...",
    "an imported fake": "from langchain.llms import FakeListLLM",
}

IN_PRODUCT = {
    "mocks in the product": "from unittest.mock import MagicMock\nclient = MagicMock()",
    "a fake in the product": "class FakeProducer:\n    def send(self, topic, value): ...",
    "a queue in memory": "class InMemoryQueue:\n    def push(self, x): ...",
    "invented records": "from faker import Faker\nusers = [Faker().name()]",
    "a random score": "import random\ndef f(docs):\n    return [{'id': d, 'score': random.random()} for d in docs]",
    "a random embedding": "import numpy as np\ndef embed(text):\n    return np.random.rand(384).tolist()",
    "a seeded embedding": (
        "import numpy as np\ndef embed(text):\n    rng = np.random.default_rng(hash(text))\n"
        "    v = rng.normal(size=8)\n    return v / 2"
    ),
    "a random reading": (
        "from random import gauss as g\nclass Probe:\n    def read(self):\n        return round(g(20, 2), 1)"
    ),
    "a random prediction": "import random\ndef predict(x):\n    return random.choice(['up', 'down'])",
    "a random choice among named answers": (
        "import random\nLABELS = ['a', 'b']\ndef classify(x):\n    return random.choice(LABELS)"
    ),
    "a random health": "import random\ndef is_healthy(host):\n    return random.random() > 0.1",
    "a random keyword": "import random\ndef run(x):\n    return Answer(confidence=random.uniform(0.7, 0.9))",
    "a random gauge": "import random\nself.latency = random.expovariate(3)",
    "a random list": (
        "import random\ndef rank(docs):\n    scores = []\n    for d in docs:\n"
        "        scores.append(random.random())\n    return scores"
    ),
    "an AsyncMock": (
        "from unittest import mock\nclass App:\n    def __init__(self):\n        self.bus = mock.AsyncMock()"
    ),
    "a drawn reply": (
        "import random\nclass Bot:\n    LINES = ['I see what you mean.', 'Tell me more of it.']\n"
        "    def respond(self, prompt):\n        return {'reply': random.choice(self.LINES)}"
    ),
    "a drawn answer with the question in it": (
        "import random\ndef chat(q):\n    return random.choice([f'That is about {q}, I think', f'Yes, {q} it is'])"
    ),
    "a drawn quantity": "import random\ndef item(sku):\n    return {'sku': sku, 'quantity': random.randint(0, 9)}",
    "a drawn inventory": "import random\ndef inventory_of(sku):\n    return random.randint(0, 9)",
    "a drawn field": "import random\ndef row(sku):\n    return Item(sku=sku, count=random.randrange(9))",
    "a drawn place": (
        "import random\ndef vehicle(id):\n    lat = 52.5 + random.uniform(-0.01, 0.01)\n    return {'lat': lat}"
    ),
    "a drifting place": (
        "import random\nclass Van:\n    def tick(self):\n        self.longitude += random.uniform(-1, 1)"
    ),
    "a secret choice": "import secrets\ndef predict(x):\n    return secrets.choice(['cat', 'dog'])",
    "a function in place of the real": "def fake_send(mail):\n    return queue(mail)",
    "a response in place of the real": "def _mock_response(x):\n    return dict(x)",
    "a random item": "import torch\ndef get_embedding(x):\n    return torch.randn(8)",
    "a draw that no argument has a part in": (
        "from random import randint\ndef active_users(project_id):\n    return randint(100, 5000)"
    ),
}

INNOCENT = {
    "ANY": "from unittest.mock import ANY\nassert x == ANY",
    "a sentinel": "from unittest import mock\nmissing = mock.sentinel.missing",
    "a package of one's own": "from .mock import data\nfrom app.mock.data import rows\nprint(data, rows)",
    "a name of one's own": "def mock(x):\n    return x\nmock(1)",
    "FastAPI's responses": "from fastapi.responses import JSONResponse\nr = JSONResponse({})",
    "a string": "text = 'unittest.mock and MagicMock are banned'",
    "the environment": "def test_a(monkeypatch):\n    monkeypatch.setenv('A', '1')\n    monkeypatch.delenv('B')",
    "the environment as a mapping": (
        "import os\ndef test_a(monkeypatch):\n    monkeypatch.setitem(os.environ, 'A', '1')"
    ),
    "a working folder": "def test_a(monkeypatch, tmp_path):\n    monkeypatch.chdir(tmp_path)",
    "a patched setting": (
        "def test_a(monkeypatch, tmp_path):\n    monkeypatch.setattr(settings, 'cache_dir', tmp_path / 'c')"
    ),
    "a patched number": "def test_a(monkeypatch):\n    monkeypatch.setattr('app.LIMIT', 3)",
    "patched arguments": "def test_a(monkeypatch):\n    monkeypatch.setattr(sys, 'argv', ['x', '--y'])",
    "patched input": "def test_a(monkeypatch):\n    monkeypatch.setattr('sys.stdin', io.StringIO('y'))",
    "fake news": "class FakeNewsClassifier:\n    def predict(self, text): ...",
    "fake quantisation": "class FakeQuantize(Module):\n    def forward(self, x): ...",
    "a dummy variable": "class DummyEncoder:\n    def fit(self, x): ...\n    def transform(self, x): ...",
    "a stub resolver": "class StubResolver:\n    def query(self, name): ...",
    "a mock exam": "class MockExamScheduler:\n    def schedule(self, exam): ...",
    "a pay stub": "class PayStubService:\n    def get(self, id): ...",
    "a mockup": "class MockupRenderer:\n    def render(self, page): ...",
    "a gRPC stub": (
        "class UserServiceStub(object):\n    def __init__(self, channel):\n        self.Get = channel.unary_unary('/u')"
    ),
    "a file in memory": "class InMemoryUploadedFile(UploadedFile):\n    def open(self): ...",
    "a cache in memory": "class InMemoryLRUCache:\n    def get(self, key): ...",
    "a dummy node": "class DummyNode(Node):\n    pass",
    "a test of fakes": "class TestFakeRedis:\n    def test_get(self): ...",
    "an exception": "class MockUnavailable(Exception):\n    pass",
    "types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pytest_mock import MockerFixture",
    "jitter": "import random\ndef backoff(n):\n    return 2 ** n + random.uniform(0, 1)",
    "a sampled element": "import random\ndef sample_user(users):\n    return random.choice(users)",
    "a random peer": "import random\ndef get_replica(replicas):\n    return random.choice(replicas)",
    "a shuffle": "import random\ndef shuffled(rows):\n    return random.sample(rows, len(rows))",
    "simulated annealing": "class SimulatedAnnealing:\n    def run(self, x): ...",
    "a simulated motor": "class SimulatedMotor:\n    def move(self, x): ...",
    "a scripted field": "class ScriptedField:\n    def get(self, x): ...",
    "an assigned callback": "def f(reader):\n    reader.on_read = lambda x: None",
    "an assigned client": "def f(app, client):\n    app.client = client",
    "fake quantisation in a function": "def fake_quantize(x, bits):\n    return x.round(bits)",
    "a stub of a function": "def stub_path(x):\n    return x",
    "a secret token": "import secrets\ndef make_token():\n    return secrets.randbelow(10)",
    "a setattr of one's own": "def f(box):\n    with box.context() as m:\n        m.setattr(app, 'send', lambda: 1)",
    "a count of things": "import random\ndef fill(n):\n    count = random.randint(1, n)\n    make(count=count)",
    "a joke": (
        "import random\ndef get_joke():\n"
        "    reply = random.choice(['A man walks in.', 'Two men walk in.'])\n    say(reply)"
    ),
    "drawn words": "import random\ndef answer(x):\n    colour = random.choice(['red', 'blue'])\n    paint(colour)",
    "a reply of those given": "import random\ndef reply(candidates):\n    return random.choice(candidates)",
    "a masked place": "import random\ndef obfuscate(p):\n    return {'lat': p.lat + random.uniform(-1, 1)}",
    "positions of particles": "import numpy as np\ndef start(n):\n    return State(position=np.random.rand(n, 3))",
    "an identifier": "import random\ndef get_request_id():\n    return random.getrandbits(64)",
    "a token": "import random\ndef make_token():\n    return ''.join(random.choices('abc', k=8))",
    "initial weights": (
        "import numpy as np\nclass Layer:\n    def __init__(self, n):\n        self.embedding = np.random.randn(n, 8)"
    ),
    "noise": "import numpy as np\ndef blur(x):\n    noise = np.random.normal(size=3)\n    return x + noise",
    "Monte Carlo": "import random\ndef monte_carlo_pi(n):\n    return sum(random.random() < 0.5 for _ in range(n)) / n",
    "a simulation": "import random\ndef simulate_prices(mu):\n    price = random.gauss(mu, 1)\n    return price",
    "exploration": (
        "import random\ndef act(q, eps):\n    if random.random() < eps:\n        return 1\n    return q.best()"
    ),
    "a passed generator": "def dropout(x, rng):\n    return x * (rng.random(x.shape) > 0.5)",
    "a die whose sides are given": "import random\ndef outcome(sides):\n    return random.randint(1, sides)",
    "a die": "import random\ndef outcome():\n    return random.randint(1, 6)",
}


def found(source: str, path: str) -> list[str]:
    return [finding.message for finding in findings("test_fakes", "code.fake", {path: source})]


@pytest.mark.parametrize("name", IN_TESTS)
def test_stand_ins_of_tests_are_found(name: str) -> None:
    assert found(IN_TESTS[name], "tests/test_app.py")


@pytest.mark.parametrize("name", IN_PRODUCT)
def test_stand_ins_of_the_product_are_found(name: str) -> None:
    assert found(IN_PRODUCT[name], "app/service.py")


@pytest.mark.parametrize("path", ["app/service.py", "tests/test_app.py"])
@pytest.mark.parametrize("name", INNOCENT)
def test_what_only_sounds_like_it_is_not(name: str, path: str) -> None:
    assert found(INNOCENT[name], path) == []


@pytest.mark.parametrize("name", sorted(LEGACY))
@pytest.mark.parametrize("form", ["{}(x)", "bus.{} = 1", "def {}(): ...", "from a import {} as b", "getattr(a, '{}')"])
def test_the_names_of_the_past_are_found_in_every_form(name: str, form: str) -> None:
    assert found(form.format(name), "app/service.py") == [f"{name} is the name of a stand-in"]


def test_a_name_of_the_past_in_a_list_of_words_is_no_use_of_it() -> None:
    assert found("BANNED = ['record_stub', 'mirror_append']", "app/rules.py") == []


def test_tests_may_draw_their_inputs() -> None:
    source = (
        "import random\nfrom faker import Faker\ndef scores():\n    return [random.random()]\nname = Faker().name()"
    )
    assert found(source, "tests/test_rank.py") == []
    assert len(found(source, "app/rank.py")) == 3


def test_a_fake_is_known_by_the_class_that_it_plays() -> None:
    source = "class FakeOrbit:\n    period = 3"
    assert found(source, "tests/test_orbit.py") == []
    real = {"tests/test_orbit.py": source, "app/orbit.py": "class Orbit:\n    def period(self): ..."}
    assert [f.message for f in findings("test_fakes", "code.fake", real)] == ["FakeOrbit plays Orbit"]


def test_each_use_is_one_finding_a_line() -> None:
    source = "from unittest.mock import MagicMock, patch\nwith patch('a', MagicMock()):\n    x = MagicMock()"
    module = parse("tests/test_a.py", source.encode())
    assert sorted((fake.where.line, fake.kind, fake.name) for fake in fakes.facts(module)) == [
        (1, "mock", "unittest.mock.MagicMock"),
        (2, "mock", "unittest.mock.patch"),
        (3, "mock", "unittest.mock.MagicMock"),
    ]


def test_the_environment_is_no_behaviour() -> None:
    source = "import os\ndef test_a(monkeypatch, value):\n    monkeypatch.setitem(os.environ, 'A', value)"
    assert list(fakes.facts(parse("tests/test_a.py", source.encode()))) == []


def test_an_annotation_makes_no_mock() -> None:
    source = "from unittest.mock import Mock, patch\n@patch('a.b')\ndef test_a(send: Mock) -> Mock: ..."
    module = parse("tests/test_a.py", source.encode())
    assert sorted((fake.where.line, fake.name) for fake in fakes.facts(module)) == [
        (1, "unittest.mock.Mock"),
        (2, "unittest.mock.patch"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "from unittest import mock",
        "import unittest.mock as um",
        "from unittest.mock import patch as p, Mock",
        "import fakeredis.aioredis",
        "from moto.s3 import mock_s3",
        "import requests_mock as rm",
        "from pytest_mock import MockerFixture",
        "import responses",
    ],
)
@pytest.mark.parametrize("around", ["{}", "def f():\n    {}", "try:\n    {}\nexcept ImportError:\n    pass"])
def test_the_import_of_a_library_of_fakes_is_one_finding(statement: str, around: str) -> None:
    for path in ("app/service.py", "tests/test_app.py"):
        assert len(found(around.format(statement), path)) == 1


@pytest.mark.parametrize("statement", ["import httpx", "from . import mock", "from app import responses"])
def test_other_imports_are_none(statement: str) -> None:
    assert found(statement, "app/service.py") == []


def test_shadowed_names_are_followed() -> None:
    source = "from unittest.mock import patch\ndef apply(patch):\n    return patch('a')"
    module = parse("app/diff.py", source.encode())
    assert [(fake.where.line, fake.name) for fake in fakes.facts(module)] == [(1, "unittest.mock.patch")]


@given(st.sampled_from(["m", "patch", "fake", "x_1"]), st.booleans())
def test_no_alias_hides_a_mock(alias: str, local: bool) -> None:
    source = f"from unittest import mock as {alias}\n"
    source += f"def f():\n    g = {alias}\n    return g.Mock()" if local else f"{alias}.Mock()"
    kinds = {fact.kind for fact in fakes.facts(parse("app/m.py", source.encode())) if isinstance(fact, Fake)}
    assert kinds == {"mock"}


def test_long_trails_of_variables_are_bounded() -> None:
    lines = ["import random", "def score():", "    a0 = random.random()"]
    lines += [f"    a{i + 1} = a{i} + " + " + ".join(f"a{i}" for _ in range(50)) for i in range(300)]
    assert found("\n".join([*lines, "    return a300"]), "app/m.py") == []
