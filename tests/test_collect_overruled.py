"""What is asked for and not there, and something weaker goes on in its place: each kind with near misses that stay clean."""

from __future__ import annotations

import pytest

from strictreal.collect.python import substitutes
from strictreal.collect.python.module import parse
from tests.judging import findings

SILENT = {
    "a class of one's own that only prints": (
        "from sms.twilio import TwilioNotifier\n"
        "class LogNotifier:\n    def notify(self, number, text):\n        print(number, text)\n"
        "def make(conf):\n    return TwilioNotifier(conf.twilio_key) if conf.twilio_key else LogNotifier()"
    ),
    "a class of one's own that keeps a list": (
        "import os\nfrom pulsar import Publisher\n"
        "class TablePublisher:\n    def __init__(self):\n        self.rows = []\n"
        "    def publish(self, row):\n        self.rows.append(row)\n"
        "def publisher():\n    host = os.environ.get('PULSAR_HOST')\n    if host is None:\n"
        "        return TablePublisher()\n    return Publisher(host)"
    ),
    "a class of one's own that writes files": (
        "from pathlib import Path\nimport boto3\n"
        "class FolderArchive:\n    def __init__(self, root):\n        self.root = Path(root)\n"
        "    def keep(self, name, data):\n        (self.root / name).write_bytes(data)\n"
        "class BucketArchive:\n    def __init__(self, url):\n        self.b = boto3.resource('s3').Bucket(url)\n"
        "    def keep(self, name, data):\n        self.b.put_object(Key=name, Body=data)\n"
        "def archive(s):\n    if s.archive_url:\n        return BucketArchive(s.archive_url)\n"
        "    return FolderArchive('/tmp/a')"
    ),
    "a match on what is missing": (
        "def cache(settings):\n    match settings.valkey_url:\n        case None:\n            return InMemoryCacheStore()\n"
        "        case url:\n            return ValkeyStore(url)"
    ),
    "a constant for a function that answers None": (
        "import requests\nTOP_SONGS = ['a', 'b']\n"
        "def ask(user):\n    try:\n        return requests.get(user).json()\n    except requests.Timeout:\n        return None\n"
        "def playlist(user):\n    songs = ask(user)\n    return songs or TOP_SONGS"
    ),
    "a record for a function that answers None": (
        "import httpx\ndef _limits(team):\n    r = httpx.get(team)\n    if r.status_code >= 400:\n        return None\n"
        "    return r.json()\n"
        "def limits(team):\n    found = _limits(team)\n    if found is None:\n        return {'seats': 5}\n    return found"
    ),
    "an error field": (
        "def stock(sku):\n    reply = rpc.call('stock', sku)\n    if reply.get('error'):\n        return None\n"
        "    return reply['result']"
    ),
    "an error field that is there": (
        "def rows(q):\n    body = post(q).json()\n    return [] if 'errors' in body else body['data']"
    ),
    "a text with the question in it": (
        "class Translator:\n    def __init__(self, client):\n        self.llm = client\n"
        "    def translate(self, text):\n        if self.llm is None:\n            return f'[translated] {text}'\n"
        "        return self.llm.chat.create(text)"
    ),
    "a made-up answer of a program": (
        "import subprocess\ndef branch():\n    p = subprocess.run(['hg', 'branch'], capture_output=True, text=True)\n"
        "    return p.stdout if p.returncode == 0 else 'default-branch'"
    ),
    "a weaker function of one's own": (
        "import importlib.util\nif importlib.util.find_spec('bcrypt'):\n    from bcrypt import hashpw\nelse:\n"
        "    import hashlib\n    def hashpw(password):\n        return hashlib.md5(password).hexdigest()"
    ),
    "a class that does nothing": (
        "import shutil\nif shutil.which('clamscan'):\n    from scanning import Scanner\nelse:\n"
        "    class Scanner:\n        def scan(self, path):\n            return True"
    ),
    "a class and more of it": (
        "from importlib.util import find_spec\nif find_spec('bits') is None:\n    class Bits:\n        def count(self):\n"
        "            return 0\n    EMPTY = Bits()"
    ),
    "another device": (
        "import torch\ndef choose(wanted):\n    if 'mps' in wanted and not torch.backends.mps.is_available():\n"
        "        print('no mps')\n        wanted = 'cpu'\n    return wanted"
    ),
    "another device of an object": (
        "import torch\nclass Job:\n    def start(self):\n"
        "        if self.device == 'cuda' and not torch.cuda.is_available():\n            self.device = torch.device('cpu')"
    ),
    "weights that are missing": (
        "def serve(model, file):\n    if file.exists():\n        model.load_weights(file)\n    return model"
    ),
    "a drawn key": "import os, secrets\nSIGNING_KEY = os.environ.get('SIGNING_KEY') or secrets.token_urlsafe(32)",
    "a drawn key by default": "import os\nclass C:\n    JWT_SECRET = os.getenv('JWT_SECRET', os.urandom(16).hex())",
    "settings of the code": (
        "import yaml\nFACTORY = {'mode': 'open'}\ndef policy(path):\n    try:\n        with open(path) as f:\n"
        "            return yaml.safe_load(f)\n    except (OSError, yaml.YAMLError):\n        return FACTORY.copy()"
    ),
    "a made-up measurement": (
        "class Gauge:\n    def bar(self):\n        try:\n            raw = self.port.read(4)\n"
        "        except OSError:\n            return 1.013\n        return raw[0] / 100"
    ),
    "a search of one's own": (
        "from opensearchpy import ConnectionTimeout\nclass Finder:\n    def find(self, term):\n        try:\n"
        "            return self.index.search(term)\n        except ConnectionTimeout:\n"
        "            return sorted(r for r in self.rows() if term in r.title)"
    ),
    "a plug-in passed over": (
        "import importlib\ndef load(app):\n    for name in ('billing', 'audit'):\n        try:\n"
        "            importlib.import_module(name).setup(app)\n        except ImportError:\n            pass"
    ),
    "a backend put together": (
        "from importlib import import_module\ndef exporter(kind):\n    try:\n"
        "        return import_module(f'shop.exporters.{kind}').Exporter()\n    except ModuleNotFoundError:\n"
        "        return NullExporter()"
    ),
    "an undone insert": (
        "from sqlalchemy.exc import OperationalError\ndef add(session, row):\n    try:\n        session.add(row)\n"
        "        session.commit()\n    except OperationalError:\n        session.rollback()\n    return {'added': row.id}"
    ),
    "a message that counts as done": (
        "def on_message(channel, method, body):\n    try:\n        handle(body)\n    except KeyError:\n"
        "        logger.warning('bad')\n    channel.basic_ack(method.delivery_tag)"
    ),
    "a door left open": (
        "import requests\ndef may_enter(user):\n    try:\n        return ask(user)\n    except requests.RequestException as e:\n"
        "        if 'timeout' in str(e):\n            return True\n        raise"
    ),
    "a function that ignores what it is given": (
        "try:\n    from fastgeo import distance\nexcept ImportError:\n    def distance(a, b, unit):\n        return abs(a - b)"
    ),
    "a hash for a model": (
        "try:\n    from models import encode\nexcept ImportError:\n    def encode(text):\n"
        "        return [hash(word) % 97 for word in text.split()]"
    ),
    "what could not be converted": (
        "import pandas as pd\ndef ages(frame):\n    return pd.to_numeric(frame.age, errors='coerce').fillna(40)"
    ),
    "what is tried": (
        "import redis\ndef try_price(r, sku):\n    try:\n        return r.get(sku)\n"
        "    except redis.ConnectionError:\n        return None"
    ),
}

HEARD = {
    "two classes of one's own": (
        "class KeyAuth:\n    def __init__(self, key):\n        self.key = key\n    def sign(self, r):\n"
        "        r['k'] = self.key\nclass NoAuth:\n    def sign(self, r):\n        r['k'] = ''\n"
        "def auth(s):\n    return KeyAuth(s.api_key) if s.api_key else NoAuth()"
    ),
    "a class that reaches another server": (
        "import requests\nfrom sms.twilio import TwilioNotifier\nclass HookNotifier:\n    def notify(self, n, t):\n"
        "        requests.post('https://hook', json=[n, t])\n"
        "def make(conf):\n    return TwilioNotifier(conf.twilio_key) if conf.twilio_key else HookNotifier()"
    ),
    "a match on a kind": (
        "def cache(settings):\n    match settings.kind:\n        case 'memory':\n            return InMemoryCacheStore()\n"
        "        case 'valkey':\n            return ValkeyStore(settings.url)"
    ),
    "nothing for nothing": (
        "import requests\ndef ask(user):\n    try:\n        return requests.get(user).json()\n"
        "    except requests.ConnectionError:\n        raise\n"
        "def playlist(user):\n    return ask(user) or ['a', 'b']"
    ),
    "yes or no": (
        "import re\ndef _token(h):\n    if not re.match('B', h):\n        return None\n    return h\n"
        "def show(h):\n    t = _token(h)\n    return 'yes' if t else 'no'"
    ),
    "a validator's errors": "def check(form):\n    if 'errors' in form.report:\n        return None\n    return form.save()",
    "an error field that is raised": (
        "def stock(sku):\n    reply = rpc.call(sku)\n    if 'error' in reply:\n        raise Failed(reply['error'])\n"
        "    return reply['result']"
    ),
    "a text that says that there is none": (
        "class Translator:\n    def translate(self, text):\n        if self.llm is None:\n"
        "            return f'cannot translate {text}'\n        return self.llm.chat.create(text)"
    ),
    "a state of a program": (
        "import subprocess\ndef state():\n    p = subprocess.run(['git'])\n    return 'clean' if p.returncode == 0 else 'dirty'"
    ),
    "an unknown version": (
        "import subprocess\ndef version():\n    p = subprocess.run(['git'])\n"
        "    return p.stdout if p.returncode == 0 else 'unknown'"
    ),
    "the same in Python": (
        "import importlib.util\nif importlib.util.find_spec('fastsum'):\n    from fastsum import total\nelse:\n"
        "    def total(rows):\n        return sum(row for row in rows)"
    ),
    "another digest": (
        "try:\n    from xxhash import xxh64_hexdigest as digest\nexcept ImportError:\n    import hashlib\n"
        "    def digest(data):\n        return hashlib.sha256(data[:]).hexdigest()"
    ),
    "a class that raises": (
        "import shutil\nif shutil.which('clamscan'):\n    from scanning import Scanner\nelse:\n"
        "    class Scanner:\n        def __init__(self):\n            raise RuntimeError('install clamscan')"
    ),
    "a fixture that skips": (
        "import importlib.util, pytest\nif importlib.util.find_spec('timing') is None:\n    def timer():\n"
        "        pytest.skip('no timing')"
    ),
    "two ways of the system": (
        "import os\nHAS_PIDFD = hasattr(os, 'pidfd_open')\ndef watch(pid):\n    if HAS_PIDFD:\n"
        "        return os.pidfd_open(pid)\n    else:\n        r, w = os.pipe()\n        def close():\n"
        "            os.close(r)\n        return r, close"
    ),
    "a twin without the C library": (
        "HAS_C = find()\nif HAS_C:\n    from toml.c import CReader\n    class Reader(CReader):\n        tags = 1\n"
        "else:\n    from toml.py import PyReader\n    class Reader(PyReader):\n        tags = 1"
    ),
    "the best device": "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'",
    "a device that is demanded": (
        "import torch\ndef choose(wanted):\n    if wanted == 'cuda' and not torch.cuda.is_available():\n"
        "        raise RuntimeError('no cuda')\n    return wanted"
    ),
    "training that goes on": (
        "import os\ndef train(model, path):\n    if os.path.exists(path):\n        model.load_state_dict(read(path))\n"
        "    fit(model)"
    ),
    "a key per call": "import secrets\ndef start(nonce=None):\n    return nonce or secrets.token_hex(8)",
    "an identifier of a request": (
        "import secrets\ndef begin(request):\n    return request.headers.get('X-Auth-Token') or secrets.token_hex(8)"
    ),
    "a drawn name": "import os, secrets\nSUFFIX = os.environ.get('RUN_SUFFIX') or secrets.token_hex(4)",
    "nothing could be read": (
        "import yaml\ndef policy(path):\n    try:\n        with open(path) as f:\n            return yaml.safe_load(f)\n"
        "    except OSError:\n        return {}"
    ),
    "a file that is not there": (
        "DEFAULTS = {'a': 1}\ndef policy(path):\n    try:\n        return read(path)\n"
        "    except FileNotFoundError:\n        return dict(DEFAULTS)"
    ),
    "a window without a terminal": (
        "import os\ndef width():\n    try:\n        return os.get_terminal_size().columns\n    except OSError:\n"
        "        return 80"
    ),
    "another index": (
        "from opensearchpy import ConnectionTimeout\nclass Finder:\n    def find(self, term):\n        try:\n"
        "            return self.index.search(term)\n        except ConnectionTimeout:\n"
        "            return self.replica.search(term)"
    ),
    "a module that the caller names": (
        "from importlib import import_module\ndef find(name):\n    try:\n        return import_module(name)\n"
        "    except ImportError:\n        return None"
    ),
    "one module of several": (
        "import importlib\ndef codec():\n    for name in ('fastzip', 'zipfast'):\n        try:\n"
        "            return importlib.import_module(name)\n        except ImportError:\n            continue\n"
        "    raise RuntimeError('install fastzip')"
    ),
    "a status that nobody knows": (
        "import subprocess\ndef branch():\n    p = subprocess.run(['hg', 'branch'])\n    if p.returncode != 0:\n"
        "        return '<unknown branch>'\n    return p.stdout"
    ),
    "an exit status": (
        "import errno\ndef summary(path):\n    try:\n        with open(path) as f:\n            return count(f)\n"
        "    except OSError:\n        return errno.ENOENT"
    ),
    "a message that is taken back": (
        "def on_message(channel, method, body):\n    try:\n        handle(body)\n    except KeyError:\n"
        "        channel.basic_nack(method.delivery_tag)\n        return\n    channel.basic_ack(method.delivery_tag)"
    ),
    "rows that are written together": (
        "def load(session, lines):\n    for line in lines:\n        try:\n            session.add(int(line))\n"
        "        except ValueError:\n            log.warning('bad')\n    session.commit()"
    ),
    "an unknown user": (
        "import requests\ndef user(name):\n    try:\n        return ask(name)\n    except requests.HTTPError as e:\n"
        "        if e.response.status_code == 404:\n            return None\n        raise"
    ),
    "all but a timeout": (
        "import requests\ndef user(name):\n    try:\n        return ask(name)\n    except requests.RequestException as e:\n"
        "        if 'timeout' not in str(e):\n            return None\n        raise"
    ),
    "a blank for what is no number": (
        "import pandas as pd\ndef ages(frame):\n    return pd.to_numeric(frame.age, errors='coerce').dropna()"
    ),
    "a gap that was there": "def ages(frame):\n    return frame.age.fillna(0)",
    "a lock that is tried": (
        "import redis\ndef try_lock(r, key):\n    try:\n        return r.lock(key).acquire()\n"
        "    except redis.ConnectionError:\n        return False"
    ),
}


def found(source: str) -> list[str]:
    return [finding.message for finding in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_what_goes_on_with_less_than_was_asked_for_is_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_what_is_told_or_was_the_callers_choice_is_not(name: str) -> None:
    assert found(HEARD[name]) == []


def test_messages_say_what_was_asked_for() -> None:
    assert found(SILENT["a drawn key"]) == [
        "secrets.token_urlsafe(32) takes over in silence, where there is no os.environ.get('SIGNING_KEY')"
    ]
    assert found(SILENT["weights that are missing"]) == [
        "an untrained model takes over in silence, depending on file.exists()"
    ]
    assert found(SILENT["a plug-in passed over"]) == ["without name, the code goes on in silence"]


def test_a_choice_stands_where_its_condition_does() -> None:
    source = "def make(conf):\n    if not conf.redis_url:\n        log.info('none')\n        return InMemoryStore()\n    return Store(conf.redis_url)"
    [fact] = substitutes.facts(parse("app/a.py", source.encode()))
    assert (fact.where.line, fact.shown) == (2, "InMemoryStore()")


def test_functions_that_ask_themselves_are_survived() -> None:
    source = (
        "def up(x):\n    return None if not up(x) else x\ndef left(x):\n    if not right(x):\n        return None\n    return x\n"
        "def right(x):\n    if not left(x):\n        return None\n    return x\ny = up(1) or {'a': 'b'}"
    )
    assert found(source) == []


def test_thousands_of_replies_of_one_function_stay_within_the_time_of_a_unit() -> None:
    head = "import requests\ndef ask(u):\n    try:\n        return requests.get(u)\n    except requests.Timeout:\n        return None\n"
    assert len(found(head + "def f(u):\n" + "    x = ask(u) or {'tier': 'gold'}\n" * 2_000)) == 2_001


def test_thousands_of_imports_in_one_loop_stay_within_the_time_of_a_unit() -> None:
    one = "        try:\n            __import__(n)\n        except ImportError:\n            pass\n"
    assert len(found("def f():\n    for n in ('a', 'b'):\n" + one * 2_000)) == 2_000
