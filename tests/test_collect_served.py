"""Random and made-up data that leaves the process: by routes, by callers, by fields; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.judging import findings

PRODUCT = {
    "a route": ("import random\n@app.get('/tank/level')\ndef level():\n    return {'litres': random.randint(0, 500)}"),
    "a route that answers JSON": (
        "import random\nfrom flask import jsonify\n@bp.route('/queue')\ndef queue():\n"
        "    return jsonify([{'waiting': random.randrange(40)} for _ in range(3)])"
    ),
    "a route that picks": (
        "import secrets\n@router.get('/doors')\nasync def doors():\n"
        "    return {door: secrets.choice(['open', 'shut']) for door in DOORS}"
    ),
    "a servicer": (
        "import numpy as np\nclass Weather(pb2_grpc.WeatherServicer):\n    def Watch(self, request, context):\n"
        "        yield pb2.Sample(station=request.station, pascal=float(np.random.normal(101325, 9)))"
    ),
    "a view": (
        "import random\nfrom rest_framework.views import APIView\nfrom rest_framework.response import Response\n"
        "class Seats(APIView):\n    def get(self, request):\n        return Response({'free': random.randint(0, 9)})"
    ),
    "a field": (
        "import random\nfrom dataclasses import dataclass, field\n@dataclass\nclass Node:\n    name: str\n"
        "    latency: float = field(default_factory=lambda: random.uniform(1, 9))"
    ),
    "sales by region": (
        "import random\ndef sales_by_region(shop):\n    return {r: random.randint(1, 9) for r in shop.regions}"
    ),
    "a helper by partial": (
        "from functools import partial\nfrom random import gauss\ndef _curve(n, mean):\n"
        "    return [gauss(mean, 1) for _ in range(n)]\nread_temperature = partial(_curve, 24, 20)"
    ),
    "a helper by its caller": (
        "import random\ndef _between(low, high):\n    return random.uniform(low, high)\n"
        "def report(city):\n    humidity = _between(40, 90)\n    return city, humidity"
    ),
    "an inventor's records": (
        "from mimesis import Person\nperson = Person()\ndef members(n):\n    return [person.full_name() for _ in range(n)]"
    ),
    "a module of one's own": (
        "import sys, types\nserial = types.ModuleType('serial')\nserial.Serial = lambda port: None\n"
        "sys.modules['serial'] = serial"
    ),
}

TESTS = {
    "a subclass that keeps what was to be sent": (
        "from app.push import PushGateway\nclass Collecting(PushGateway):\n    def __init__(self):\n"
        "        self.pushed = []\n    def push(self, device, text):\n        self.pushed.append((device, text))"
    ),
    "a module under a variable": (
        "import sys, types\nstripe = types.ModuleType('stripe')\nsys.modules['stripe'] = stripe"
    ),
}

REAL = {
    "a route that draws": "import random\n@app.get('/dice')\ndef roll_dice():\n    return {'eyes': random.randint(1, 6)}",
    "a route with an identifier": (
        "import random\n@app.post('/jobs')\ndef start():\n    return {'job_id': random.getrandbits(64)}"
    ),
    "a route that waits": (
        "import random, time\n@app.get('/slow')\ndef slow():\n    time.sleep(random.random())\n    return {'ok': True}"
    ),
    "another decorator": "import random\n@cache.get\ndef side():\n    return random.randint(1, 6)",
    "a helper of a delay": (
        "import random\ndef _between(low, high):\n    return random.uniform(low, high)\n"
        "def again(f):\n    delay = _between(1, 9)\n    wait(delay)"
    ),
    "a field of seeds": (
        "import random\nfrom dataclasses import dataclass, field\n@dataclass\nclass Run:\n"
        "    seed: int = field(default_factory=lambda: random.getrandbits(32))"
    ),
    "a module of settings": (
        "import sys, types\nconf = types.ModuleType('site_conf')\nconf.DEBUG = True\nsys.modules['site_conf'] = conf"
    ),
    "a package that is put together": (
        "import sys, types\npkg = types.ModuleType('vendor')\npkg.__path__ = [FOLDER]\nsys.modules['vendor'] = pkg"
    ),
    "a subclass that sends too": (
        "from app.push import PushGateway\nclass Counting(PushGateway):\n    def __init__(self):\n"
        "        self.pushed = []\n    def push(self, device, text):\n        self.pushed.append(text)\n"
        "        super().push(device, text)"
    ),
    "a subclass that keeps its options": (
        "from app.push import PushGateway\nclass Options(PushGateway):\n    def __init__(self):\n        self.found = []\n"
        "    def options(self, text):\n        self.found.append(text)"
    ),
}


def found(source: str, path: str) -> list[str]:
    return [finding.message for finding in findings("test_fakes", "code.fake", {path: source})]


@pytest.mark.parametrize("name", PRODUCT)
def test_what_is_made_up_and_handed_out_is_found(name: str) -> None:
    assert found(PRODUCT[name], "app/service.py")


@pytest.mark.parametrize("name", TESTS)
def test_what_a_test_puts_in_place_is_found(name: str) -> None:
    assert found(TESTS[name], "tests/test_app.py")


@pytest.mark.parametrize("path", ["app/service.py", "tests/test_app.py"])
@pytest.mark.parametrize("name", REAL)
def test_chance_that_is_meant_and_the_real_thing_are_not(name: str, path: str) -> None:
    assert found(REAL[name], path) == []


def test_an_inventors_records_are_found_where_they_are_handed_out() -> None:
    lines = sorted(
        f.where.line for f in findings("test_fakes", "code.fake", {"app/a.py": PRODUCT["an inventor's records"]})
    )
    assert lines == [1, 2, 4]


def test_a_constant_of_a_library_is_no_second_finding() -> None:
    source = "import responses\ndef test_a():\n    responses.add(\n        responses.GET,\n        'https://x',\n    )"
    lines = sorted(f.where.line for f in findings("test_fakes", "code.fake", {"tests/test_a.py": source}))
    assert lines == [1, 3]


def test_messages_say_as_what_it_is_served() -> None:
    assert found(PRODUCT["a route"], "app/a.py") == ["random.randint is served as litres"]
    assert found(PRODUCT["a helper by its caller"], "app/a.py") == ["random.uniform is served as humidity"]
    [message] = found(TESTS["a subclass that keeps what was to be sent"], "tests/test_a.py")
    assert message == "Collecting plays PushGateway: push() works on pushed alone"
