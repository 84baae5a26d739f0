"""Stand-ins under the name of the real thing: by what their bodies can reach; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.judging import findings

PRODUCT = {
    "answers of its own": (
        "class OpenAIClient:\n    def complete(self, prompt):\n        return f'A response to: {prompt}'"
    ),
    "answers by word": (
        "class ChatModel:\n"
        "    def complete(self, prompt):\n"
        "        if 'weather' in prompt.lower():\n"
        "            return 'It is sunny.'\n"
        "        return 'I do not know.'"
    ).replace("ChatModel", "ChatClient"),
    "named like the service": (
        "class Redis:\n"
        "    def __init__(self):\n"
        "        self.d = {}\n"
        "    def get(self, k):\n"
        "        return self.d.get(k)"
    ),
    "memory database": (
        "class MemoryDatabase:\n"
        "    def __init__(self):\n"
        "        self.rows = {}\n"
        "    def query(self, k):\n"
        "        return self.rows[k]"
    ),
    "hashed score": "import hashlib\ndef get_sentiment(t):\n    return int(hashlib.md5(t).hexdigest(), 16) % 100 / 100",
    "redis": (
        "class RedisClient:\n"
        "    def __init__(self, url):\n"
        "        self._data = {}\n"
        "    def get(self, key):\n"
        "        return self._data.get(key)\n"
        "    def set(self, key, value):\n"
        "        self._data[key] = value"
    ),
    "kafka": (
        "class KafkaProducer:\n"
        "    def __init__(self):\n"
        "        self.messages = []\n"
        "    async def send(self, topic, value):\n"
        "        self.messages.append((topic, value))"
    ),
    "embedding": (
        "import hashlib\n"
        "class EmbeddingModel:\n"
        "    def embed(self, text):\n"
        "        digest = hashlib.sha256(text.encode()).digest()\n"
        "        return [b / 255 for b in digest]"
    ),
    "embedding random": (
        "import random\n"
        "class EmbeddingModel:\n"
        "    def embed(self, text):\n"
        "        return [random.random() for _ in range(8)]"
    ),
    "hash()": ("def get_embedding(text):\n    return [(hash(text) >> i) % 97 / 97 for i in range(16)]"),
    "ord": (
        "def embed_text(text, dim=8):\n"
        "    vec = [0.0] * dim\n"
        "    for i, ch in enumerate(text):\n"
        "        vec[i % dim] += ord(ch)\n"
        "    return vec"
    ),
    "smtp": (
        "class SmtpSender:\n"
        "    def __init__(self):\n"
        "        self.outbox = []\n"
        "    def send(self, to, body):\n"
        "        self.outbox.append({'to': to, 'body': body})"
    ),
    "outbox fn": ("outbox = []\ndef send_email(to, body):\n    outbox.append((to, body))"),
    "payment": (
        "import uuid\n"
        "class PaymentGateway:\n"
        "    def __init__(self):\n"
        "        self._charges = {}\n"
        "    def charge(self, card, amount):\n"
        "        i = str(uuid.uuid4())\n"
        "        self._charges[i] = amount\n"
        "        return i"
    ),
    "vector": (
        "class VectorStore:\n"
        "    def __init__(self):\n"
        "        self.rows = []\n"
        "    def upsert(self, v):\n"
        "        self.rows.append(v)\n"
        "    def search(self, q, k):\n"
        "        return sorted(self.rows)[:k]"
    ),
    "namespace": (
        "from types import SimpleNamespace\nclient = SimpleNamespace(get=lambda key: None, set=lambda key, value: True)"
    ),
    "type()": "client = type('Client', (), {'get': lambda self, key: None})()",
    "mock object": ("from unittest.mock import create_autospec\nc = create_autospec(Client)"),
}
TESTS = {
    "patch.object": (
        "from unittest.mock import patch\ndef test_a():\n    with patch.object(app, 'send'):\n        pass"
    ),
    "override": ("def fake_db(): ...\napp.dependency_overrides[get_db] = fake_db"),
    "override fn": ("def db():\n    return 1\napp.dependency_overrides[get_db] = db"),
    "override update": "app.dependency_overrides.update({get_db: lambda: None})",
    "instance": (
        "from app import Client\ndef test_a():\n    c = Client()\n    c.send = lambda x: None\n    assert c.run()"
    ),
    "class attr": ("from app import Client\ndef fake(self): ...\nClient.send = fake"),
    "ns": (
        "import types\n"
        "def test_a():\n"
        "    r = types.SimpleNamespace(json=lambda: {'a': 1}, status_code=200)\n"
        "    assert parse(r)"
    ),
    "setattr": ("import app\nsetattr(app, 'send', lambda *a: None)"),
    "partial": ("import app, functools\napp.send = functools.partial(record, [])"),
    "instance of local class": (
        "import app\n"
        "class Recorder:\n"
        "    def send(self, x): ...\n"
        "def test_a():\n"
        "    app.bus = Recorder()\n"
        "    assert app.run()"
    ),
    "wiremock": "from wiremock.client import Mappings",
}
REAL = {
    "standard output": "import sys\nclass Tee:\n    def write(self, text): ...\nsys.stdout = Tee()",
    "cache": (
        "class Cache:\n"
        "    def __init__(self):\n"
        "        self._d = {}\n"
        "    def get(self, k):\n"
        "        return self._d.get(k)"
    ),
    "queue": (
        "class Queue:\n"
        "    def __init__(self):\n"
        "        self.items = []\n"
        "    def put(self, x):\n"
        "        self.items.append(x)"
    ),
    "registry": (
        "class ClientRegistry:\n"
        "    def __init__(self):\n"
        "        self._c = {}\n"
        "    def get(self, name):\n"
        "        return self._c[name]"
    ),
    "real": (
        "import redis\n"
        "class RedisClient:\n"
        "    def __init__(self, url):\n"
        "        self._cache = {}\n"
        "        self._redis = redis.Redis.from_url(url)\n"
        "    def get(self, key):\n"
        "        if key not in self._cache:\n"
        "            self._cache[key] = self._redis.get(key)\n"
        "        return self._cache[key]"
    ),
    "buffered": (
        "class KafkaProducer:\n"
        "    def __init__(self, conn):\n"
        "        self.conn = conn\n"
        "        self.buf = []\n"
        "    def send(self, m):\n"
        "        self.buf.append(m)\n"
        "    def flush(self):\n"
        "        self.conn.sendall(self.buf)"
    ),
    "settings": (
        "class RedisClientOptions:\n"
        "    def __init__(self):\n"
        "        self.opts = {}\n"
        "    def get(self, k):\n"
        "        return self.opts[k]"
    ),
    "bus": (
        "class EventBus:\n"
        "    def __init__(self):\n"
        "        self.handlers = {}\n"
        "    def publish(self, e):\n"
        "        for h in self.handlers.get(type(e), []):\n"
        "            h(e)"
    ),
    "real embed": (
        "import hashlib\n"
        "class Embedder:\n"
        "    def embed(self, text):\n"
        "        key = hashlib.sha256(text.encode()).hexdigest()\n"
        "        if key in self.cache:\n"
        "            return self.cache[key]\n"
        "        return self.model.encode(text)"
    ),
    "hashing vectorizer": (
        "import hashlib\n"
        "class HashingVectorizer:\n"
        "    def vectorize(self, text):\n"
        "        return [hash(t) % 8 for t in text.split()]"
    ),
    "prompts": ("class PromptBuilder:\n    def complete(self, text):\n        return f'Answer this question: {text}'"),
    "describes itself": (
        "class OpenAIClient:\n"
        "    def generate(self, prompt):\n"
        "        return self.session.ask(prompt)\n"
        "    def get_name(self):\n"
        "        return f'a client of {self.url}'"
    ),
    "share by hash": "def in_rollout(user):\n    return hash(user) % 100 / 100 < 0.5",
    "score of a text": "def score(words, text):\n    return sum(w in text for w in words) / len(words)",
    "cache key": ("import hashlib\ndef embedding_key(text):\n    return hashlib.md5(text.encode()).hexdigest()"),
    "namespace": ("from types import SimpleNamespace\nargs = SimpleNamespace(verbose=True, port=80)"),
    "builder": (
        "class EmailBuilder:\n"
        "    def __init__(self):\n"
        "        self.parts = []\n"
        "    def add(self, p):\n"
        "        self.parts.append(p)"
    ),
    "outbox row": ("class OutboxRepository:\n    def add(self, e):\n        self.session.add(OutboxRow(e))"),
    "type": "Point = type('Point', (), {'x': 1})",
    "callback": ("from app import Button\nb = Button()\nb.on_click = lambda: None"),
    "session factory": (
        "class DbConnection:\n"
        "    def __init__(self):\n"
        "        self.rows = []\n"
        "    def execute(self, q):\n"
        "        self.rows.append(q)\n"
        "        return self._conn.execute(q)"
    ),
}


def found(source: str, path: str) -> list[str]:
    return [finding.message for finding in findings("test_fakes", "code.fake", {path: source})]


@pytest.mark.parametrize("name", PRODUCT)
def test_impostors_of_the_product_are_found(name: str) -> None:
    assert found(PRODUCT[name], "app/service.py")


@pytest.mark.parametrize("name", [name for name in TESTS if name != "partial"])
def test_behaviour_that_a_test_replaces_is_found(name: str) -> None:
    assert found(TESTS[name], "tests/test_app.py")


@pytest.mark.parametrize("path", ["app/service.py", "tests/test_app.py"])
@pytest.mark.parametrize("name", REAL)
def test_the_real_thing_is_not(name: str, path: str) -> None:
    assert found(REAL[name], path) == []


def test_messages_say_where_it_works() -> None:
    assert found(PRODUCT["redis"], "app/service.py") == ["RedisClient plays a client: get() works on _data alone"]
    assert found(PRODUCT["outbox fn"], "app/service.py") == ["send_email only appends to outbox"]
    assert found(PRODUCT["ord"], "app/service.py") == ["embed_text computes its answer from ord() of the text"]


def test_one_call_to_the_outside_makes_a_class_real() -> None:
    source = PRODUCT["kafka"] + "\n    def flush(self):\n        self.socket.sendall(self.messages)"
    assert found(source, "app/service.py") == []


def test_a_class_with_a_real_base_may_reach_what_it_does_not_show() -> None:
    source = PRODUCT["kafka"].replace("class KafkaProducer:", "class QuietProducer(confluent.KafkaProducer):")
    assert found(source, "app/service.py") == []


def test_a_generated_stub_is_the_real_client_where_it_is_imported_too() -> None:
    assert found("from app.v1.memory_pb2_grpc import MemoryServiceStub", "app/client.py") == []
    assert found("from app.stand_ins import MemoryServiceStub", "app/client.py")
