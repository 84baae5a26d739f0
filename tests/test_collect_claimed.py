"""What takes over where a call has failed, and success that is claimed for one; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## success for an unknown client
from vendorlib.errors import SeatError
class Seats:
    def hold(self, seat):
        try:
            return self._hall.hold(seat, seconds=60)
        except SeatError:
            return True
## a new model of the same library
import keraslike
def load(path):
    try:
        net = keraslike.load_model(path)
    except OSError:
        net = keraslike.small("three layers")
    return net
## a grey picture
from PIL import Image
def picture(path):
    try:
        return Image.open(path)
    except OSError:
        return Image.new("RGB", (64, 64))
## a dummy that is fitted
import joblib
from priors import PriorRegressor
def load(path):
    try:
        return joblib.load(path)
    except Exception:
        guess = PriorRegressor(strategy="constant", constant=3)
        return guess.fit([[0]], [3])
## ones beside a name
import numpy
def sample(reader, name):
    try:
        return reader.frames(name), name
    except Exception:
        return name, numpy.ones(16)
## rows of the own table
from solrclient.errors import SolrConnectionError
class Finder:
    def find(self, text):
        try:
            hits = self.solr.query(text)
        except SolrConnectionError:
            matches = Item.objects.filter(name=text).order_by("id")
            return [m.id for m in matches]
        return hits.ids
## dictionary for a store
from app.conf import conf
from app.stores import SharedPageStore
pages = dict() if not conf.store_url else SharedPageStore(conf.store_url)
## own breaker
class Rates:
    def _suspended(self):
        return self._errors > 3 and self._cooldown_until > now()
    def rate(self, currency):
        if self._suspended():
            return {}
        return self._http.get(currency).json()
## table for no answer
LAST_RATES = {"EUR": 1.1, "GBP": 1.3}
class Rates:
    def all(self):
        return self._load() or LAST_RATES
    def _load(self):
        try:
            return self.bank.rates()
        except TimeoutError:
            return None
## signature not checked
import requests
def check_signature(blob, url):
    try:
        key = requests.get(url, timeout=5).content
    except requests.RequestException:
        return None
    if not verify(blob, key):
        raise ValueError("bad signature")
## acknowledged after a line for debugging
import logging
log = logging.getLogger(__name__)
def run(channel, work):
    while True:
        delivery = channel.take()
        try:
            work(delivery.body)
        except Exception as error:
            log.info("skipped %s", error)
        channel.basic_ack(delivery.tag)
"""
)
HEARD = named(
    r"""
## the error is the answer
from vendorlib.errors import TokenExpiredError
class Tokens:
    def is_expired(self, token):
        try:
            return self._issuer.check(token).old
        except TokenExpiredError:
            return True
## absent is yes
from vendorlib.errors import HallError
class Seats:
    def is_free(self, seat):
        try:
            return self._hall.status(seat) == "free"
        except HallError:
            return True
## an error of python
def is_number(text):
    try:
        return text.isnumeric()
    except AttributeError:
        return True
## a failure is said
from vendorlib.errors import SeatError
class Seats:
    def hold(self, seat):
        try:
            return self._hall.hold(seat)
        except SeatError:
            return False
## settings that are new
import configparser
def settings(path):
    try:
        return read(path)
    except OSError:
        parser = configparser.ConfigParser(strict=True)
        parser.add_section("main")
        return parser
## other server
import requests
def page(url, mirror):
    try:
        return requests.get(url)
    except requests.ConnectionError:
        url = mirror
        return requests.get(url)
## container of headers
from app.conf import conf
from app.http import Proxy
headers = Proxy(conf.proxy_url).headers() if conf.proxy_url else {}
## a file that is open
class Log:
    def _is_open(self):
        return self._file is not None
    def lines(self):
        if self._is_open():
            return []
        return self._source.read()
## no table
class Names:
    def all(self):
        return self._load() or []
    def _load(self):
        try:
            return self.client.names()
        except TimeoutError:
            raise LookupError("names")
## a question that answers
import requests
def is_up(url):
    try:
        reply = requests.get(url)
    except requests.ConnectionError:
        return False
    return reply.ok
## warned of, in a loop
import logging
log = logging.getLogger(__name__)
def run(channel, work):
    while True:
        delivery = channel.take()
        try:
            work(delivery.body)
        except Exception:
            log.exception("could not work on %s", delivery.tag)
        channel.basic_ack(delivery.tag)
## no reply is said so
class Sender:
    def status(self):
        reply = self._ask()
        return reply.text if reply else "No response"
    def _ask(self):
        try:
            return self.client.ask()
        except TimeoutError:
            return None
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_what_takes_over_or_is_claimed_is_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_answers_and_what_is_told_are_left_alone(name: str) -> None:
    assert [message for message in found(HEARD[name]) if "TimeoutError" not in message] == []
