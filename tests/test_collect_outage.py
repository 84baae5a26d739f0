"""Outages: what is given, kept or left out where a service, a file or a program is away, in forms of everyday code."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

FALLBACKS = {
    "zeros among the results": (
        "def embed(texts):\n    rows = []\n    for text in texts:\n        try:\n            rows.append(api.embed(text))\n"
        "        except Exception:\n            rows.append([0.0] * DIM)\n    return rows"
    ),
    "settings that stay as they are": (
        "import json\nBASE = {'port': 80}\ndef read(path):\n    found = dict(BASE)\n    try:\n"
        "        found.update(json.load(open(path)))\n    except (OSError, json.JSONDecodeError):\n        pass\n"
        "    return found"
    ),
    "a refusal that means absence": (
        "import httpx\ndef package_exists(name):\n    try:\n        client.head(name).raise_for_status()\n"
        "        return True\n    except httpx.HTTPError:\n        return False"
    ),
    "an order that is closed, and nobody told": (
        "from contextlib import suppress\ndef cancel_booking(booking, mailer):\n    booking.cancelled = True\n"
        "    with suppress(Exception):\n        mailer.deliver(booking.guest)"
    ),
    "a blank picture of some size": (
        "import PIL.Image\ndef load(self, path):\n    try:\n        image = PIL.Image.open(path)\n"
        "    except Exception:\n        image = PIL.Image.new('L', (self.width, self.height))\n    return image"
    ),
    "the present time": (
        "from datetime import datetime\ndef sent(message):\n    try:\n        return parse(message['Date'])\n"
        "    except Exception:\n        return datetime.now()"
    ),
    "a job that is done on the spot": (
        "import redis\ndef order(id):\n    try:\n        bill.enqueue(id)\n    except redis.ConnectionError:\n        bill(id)"
    ),
    "work only where there is a connection": (
        "class Bus:\n    async def emit(self, text):\n        if self.link is not None and self.link.is_connected:\n"
        "            await self.link.publish(text)"
    ),
    "a text of the code": (
        "import requests\nTEXT = 'Dear guest, thank you very much'\ndef letter(url):\n    reply = requests.get(url)\n"
        "    if reply.status_code >= 500:\n        return TEXT\n    reply.raise_for_status()\n    return reply.text"
    ),
    "the last reading": (
        "class Gauge:\n    def level(self):\n        if self.sock.connect_ex(self.address) != 0:\n"
        "            return self.level_seen\n        self.level_seen = self.sock.recv(4)\n        return self.level_seen"
    ),
    "what was had before": (
        "import os\ndef dump(name, last):\n    if os.system(f'pg_dump {name}') != 0:\n        return previous\n"
        "    return name\n"
    ).replace("name, last", "name, previous"),
    "answers in time alone": (
        "import trio\nasync def scan(hosts):\n    found = []\n    for host in hosts:\n        with trio.move_on_after(1):\n"
        "            found.append(await ask(host))\n    return found"
    ),
    "an exception that is only asked for": (
        "def watch(task):\n    task.add_done_callback(lambda t: None if t.cancelled() else t.exception())"
    ),
    "a scan that did not happen": (
        "import clamd\ndef is_clean(data):\n    try:\n        found = clamd.ClamdUnixSocket().instream(data)\n"
        "    except clamd.ConnectionError:\n        return True\n    return found['stream'][0] == 'OK'"
    ),
}
HONEST = {
    "a missing object is an answer": (
        "from google.api_core.exceptions import NotFound\ndef blob_exists(bucket, name):\n    try:\n"
        "        bucket.reload(name)\n        return True\n    except NotFound:\n        return False"
    ),
    "a file that is not there leaves the settings": (
        "import json\nBASE = {'port': 80}\ndef read(path):\n    found = dict(BASE)\n    try:\n"
        "        found.update(json.load(open(path)))\n    except FileNotFoundError:\n        pass\n    return found"
    ),
    "a connection that is closed": (
        "from contextlib import suppress\nasync def close_channel(channel):\n    with suppress(Exception):\n"
        "        await channel.send('bye')"
    ),
    "a time limit that is asked about": (
        "import trio\nasync def scan(hosts):\n    found = []\n    for host in hosts:\n"
        "        with trio.move_on_after(1) as scope:\n            found.append(await ask(host))\n"
        "        if scope.cancelled_caught:\n            raise TimeoutError(host)\n    return found"
    ),
    "a job that is handed over again": (
        "import redis\ndef order(id):\n    try:\n        bill.delay(id)\n    except redis.ConnectionError as e:\n"
        "        raise Refused(id) from e"
    ),
    "a callback that tells": "def watch(task):\n    task.add_done_callback(lambda t: t.cancelled() or report(t.exception()))",
}
FAKES = {
    "a constant of invented records": (
        "MOCK_ROWS = [{'id': 1, 'name': 'Ada'}, {'id': 2, 'name': 'Bo'}]\ndef rows():\n    return MOCK_ROWS"
    ),
    "results that are counted up": (
        "def find_pages(text):\n    return [dict(title=f'Page {i}', url=f'https://example.org/{i}') for i in range(5)]"
    ),
    "a state by the rest of a digest": (
        "import zlib\nSTATES = ['open', 'shut']\ndef gate_status(name):\n"
        "    return STATES[zlib.crc32(name.encode()) % 2]"
    ),
    "a drawn time of arrival": (
        "import random\nfrom datetime import datetime, timedelta\ndef get_arrival(parcel):\n"
        "    return datetime.now() + timedelta(hours=random.randint(2, 9))"
    ),
}
GENUINE = {
    "names of agents": "FAKE_AGENTS = ['one', 'two']\ndef agents():\n    return FAKE_AGENTS",
    "pages of a site": "def find_pages(site):\n    return [dict(page=i, url=f'{site}/{i}') for i in range(5)]",
    "a colour by the rest of a digest": (
        "import zlib\nCOLORS = ['red', 'blue']\ndef avatar_color(name):\n"
        "    return COLORS[zlib.crc32(name.encode()) % 2]"
    ),
    "a fund that is called a spy": "class SpyIndex2:\n    def drawdown(self):\n        return prices().min()",
    "a time to try again": (
        "import random\nfrom datetime import datetime, timedelta\ndef get_next_retry():\n"
        "    return datetime.now() + timedelta(seconds=random.randint(1, 9))"
    ),
}
STUBS = {
    "a service that lets go of nothing": "class StockService:\n    def release(self, sku, amount):\n        ...",
    "a route that is not there": "@app.get('/x')\ndef export():\n    return {'error': 'later'}, 501",
    "a response that says so": "@app.get('/x')\ndef export():\n    return Response(status_code=501)",
    "a score of the class": "class Model:\n    BASE = 0.4\n    def predict(self, row):\n        return self.BASE",
    "a remark further down": (
        "def translate(text, target):\n    '''Translate.\n\n    Placeholder: no service yet.\n    '''\n"
        "    return f'[{target}] {text}'"
    ),
    "a method of a service in gRPC": (
        "import grpc\nimport ship_pb2_grpc\nclass Ship(ship_pb2_grpc.ShipServicer):\n"
        "    def Cancel(self, request, context):\n        context.set_code(grpc.StatusCode.UNIMPLEMENTED)\n"
        "        context.set_details('no')\n        raise NotImplementedError('no')"
    ),
}
DONE = {
    "a lock that is let go": "class Lock:\n    def release(self):\n        pass",
    "a router of a database": ("class Router:\n    def db_for_read(self, model, **hints):\n        return 'replica'"),
    "a route that refuses some": (
        "@app.get('/x')\ndef export(kind):\n    if kind == 'pdf':\n        return {'error': 'pdf'}, 501\n"
        "    return render(kind)"
    ),
}
CHECKS = {
    "code.fallback": ("test_fallbacks", FALLBACKS, HONEST),
    "code.fake": ("test_fakes", FAKES, GENUINE),
    "code.stub": ("test_stubs", STUBS, DONE),
}


@pytest.mark.parametrize(("id", "name"), [(id, name) for id, (_, bad, _) in CHECKS.items() for name in bad])
def test_what_is_not_there_is_found(id: str, name: str) -> None:
    module, bad, _ = CHECKS[id]
    assert len(findings(module, id, {"app/service.py": bad[name]})) == 1


@pytest.mark.parametrize(("id", "name"), [(id, name) for id, (_, _, good) in CHECKS.items() for name in good])
def test_what_only_looks_like_it_is_not(id: str, name: str) -> None:
    module, _, good = CHECKS[id]
    assert findings(module, id, {"app/service.py": good[name]}) == []


CHOSEN = named(
    """
## an authority that did not answer
import requests
def is_allowed(user):
    reply = requests.get(f"http://authority/{user}")
    return reply.json()["allow"] if reply.ok else True
## a client under a short name
import redis
class Cache:
    def __init__(self, url):
        self._r = None
        if url:
            self._r = redis.Redis.from_url(url)
        self._mem = {}
    def get(self, key):
        if self._r:
            return self._r.get(key)
        return self._mem.get(key)
## a key in a variable
import os, openai
def make_model():
    key = os.getenv("OPENAI_API_KEY")
    if key:
        return openai.OpenAI(api_key=key)
    return EchoModel()
## a module or None
import importlib, importlib.util
torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
## a program whose failure is a line
import logging, subprocess
def convert(source, target):
    done = subprocess.run(["ffmpeg", source, target])
    if done.returncode != 0:
        logging.error("ffmpeg failed")
## a hook whose refusal is a line
import logging, requests
def tell(event):
    reply = requests.post("http://hook", json=event)
    if not reply.ok:
        logging.error("hook failed: %s", reply.text)
## tasks that are not done in time
import asyncio
async def ask(client, ids):
    done, pending = await asyncio.wait([asyncio.create_task(client.fetch(i)) for i in ids], timeout=3)
    return [task.result() for task in done]
## tasks that are cancelled in silence
import asyncio
async def ask(tasks):
    done, pending = await asyncio.wait(tasks, timeout=3)
    for task in pending:
        task.cancel()
    return [task.result() for task in done]
## a secret of the code
import os
def key():
    return os.environ.get("JWT_SECRET", "dev-secret")
## what was heard last
import httpx
_last = {}
def rates(url):
    try:
        _last[url] = httpx.get(url).json()
        return _last[url]
    except httpx.HTTPError:
        return _last.get(url)
## what is done here
import boto3
def enqueue(queue, body):
    try:
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    except Exception as error:
        print(error)
        handle_locally(body)
## nothing, in one expression
class Store:
    def load(self, id):
        return self.db.docs.find_one(id) if self.db else None
## a count in place of a tokenizer
def count(text):
    try:
        import tiktoken
        return len(tiktoken.get_encoding("x").encode(text))
    except Exception:
        return len(text) // 4
"""
)
HEARD = named(
    """
## a question about trouble
import requests
def has_failed(url):
    reply = requests.get(url)
    if not reply.ok:
        return True
    return reply.json()["failed"]
## a status that is handed on
import logging, subprocess
def convert(source):
    done = subprocess.run(["ffmpeg", source])
    if done.returncode != 0:
        logging.error("ffmpeg failed")
    return done.returncode
## a status that is raised
import requests
def tell(event):
    reply = requests.post("http://hook", json=event)
    if not reply.ok:
        raise RuntimeError(reply.text)
## a key that is needed
import os, openai
def make_model():
    key = os.getenv("OPENAI_API_KEY")
    if not key:
        raise RuntimeError("OPENAI_API_KEY")
    return openai.OpenAI(api_key=key)
## tasks that are looked at
import asyncio
async def ask(tasks):
    done, pending = await asyncio.wait(tasks, timeout=3)
    if pending:
        raise TimeoutError(len(pending))
    return [task.result() for task in done]
## a limit of the code
import os
def limit():
    return int(os.environ.get("LIMIT", "10"))
## the way to log in
import os
def method():
    return os.environ.get("VAULT_AUTH_METHOD", "token")
## what a reply says of its place
class Config:
    def is_local(self):
        if not self.uri or not is_remote_uri(self.uri):
            return True
        return False
"""
)


@pytest.mark.parametrize("name", CHOSEN)
def test_what_goes_on_without_a_service_is_found(name: str) -> None:
    assert findings("test_fallbacks", "code.fallback", {"app/service.py": CHOSEN[name]})


@pytest.mark.parametrize("name", HEARD)
def test_what_is_heard_of_is_not(name: str) -> None:
    assert findings("test_fallbacks", "code.fallback", {"app/service.py": HEARD[name]}) == []


def test_a_text_that_is_made_of_itself_ends() -> None:
    source = "for line in rows:\n    if not (line := line.strip()) or line[0] == '#':\n        continue"
    assert findings("test_fallbacks", "code.fallback", {"app/service.py": source}) == []
