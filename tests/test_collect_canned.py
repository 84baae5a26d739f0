"""Classes and functions that play a collaborator by answers of their own; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings


def found(source: str, path: str) -> list[str]:
    return [finding.message for finding in findings("test_fakes", "code.fake", {path: source})]


BY_THEMSELVES = named(
    """
## app/service.py: a gateway
import uuid
class StripeGateway:
    def charge(self, amount, card):
        return {"id": f"ch_{uuid.uuid4().hex}", "status": "succeeded", "amount": amount}
## app/service.py: a line of a log
import logging
log = logging.getLogger()
class EmailService:
    def send(self, to, subject):
        log.info("sending %s to %s", subject, to)
        return True
## app/service.py: printed
class SlackNotifier:
    def notify(self, message):
        print(message)
## app/service.py: a folder for a bucket
class S3Client:
    def __init__(self, root):
        self.root = root
    def put_object(self, bucket, key, body):
        with open(f"{self.root}/{bucket}-{key}", "wb") as file:
            file.write(body)
## app/service.py: a digit in its name
class S3Storage:
    def __init__(self):
        self.objects = {}
    def upload(self, key, data):
        self.objects[key] = data
## app/service.py: chance decides
import random
def charge(amount):
    if random.random() > 0.1:
        return {"status": "succeeded"}
    return {"status": "failed"}
## app/service.py: weather
import random
def weather(city):
    return {"city": city, "temp_c": random.randint(-5, 35)}
## tests/test_app.py: an heir
from app import MailClient
class Testable(MailClient):
    def _post(self, url, data):
        return {"ok": True, "id": "m1"}
    def send(self, message):
        return {"ok": True, "id": "m1"}
## tests/test_app.py: an heir that is called so
from app import MailClient
def test_a():
    class Fake(MailClient):
        def send(self, message):
            return 1
    assert Fake().run()
## tests/test_app.py: a transport
import httpx
class Recording(httpx.BaseTransport):
    def handle_request(self, request):
        return httpx.Response(200, json={})
## tests/test_app.py: a list for a function
import app.mail
def test_a():
    sent = []
    app.mail.deliver = sent.append
    assert app.run()
## tests/test_app.py: the names of a module
import app.mail
def test_a():
    vars(app.mail)["deliver"] = lambda *a: 1
    assert app.run()
## tests/test_app.py: the dictionary of a module
import app.mail
app.mail.__dict__["deliver"] = lambda *a: 1
## tests/test_app.py: a module unless there is one
import sys, types
sys.modules.setdefault("redis", types.ModuleType("redis"))
"""
)
REACHING = named(
    """
## app/service.py: a client of a client
class SlackNotifier:
    def __init__(self, session):
        self.session = session
    def notify(self, message):
        self.session.post("/hook", json={"text": message})
## app/service.py: a function that is handed over
class SmsSender:
    def __init__(self, send):
        self._send = send
    def send(self, to, text):
        return self._send(to, text)
## app/service.py: the address of something
class S3Storage:
    def __init__(self, bucket):
        self.bucket = bucket
    def get_url(self, key):
        return f"https://{self.bucket}/{key}"
## app/service.py: a base class
class PaymentGateway:
    def charge(self, amount):
        raise NotImplementedError
## app/service.py: something else that formats
class EmailFormatter:
    def send_line(self, to):
        return f"To: {to}"
## app/service.py: chance among inputs
import random
def augment(image):
    if random.random() < 0.5:
        return image.flip()
    return image
## tests/test_app.py: a hook of Python
import sys
complaints = []
sys.unraisablehook = complaints.append
## tests/test_app.py: a transport that counts
import httpx
class Counting(httpx.BaseTransport):
    def handle_request(self, request):
        self.count += 1
        return self.inner.handle_request(request)
"""
)


def laid(case: str) -> str:
    """The path that a case says it stands at."""
    return case.partition(": ")[0]


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_what_answers_by_itself_is_found(name: str) -> None:
    assert found(BY_THEMSELVES[name], laid(name))


@pytest.mark.parametrize("name", REACHING)
def test_what_reaches_something_is_not(name: str) -> None:
    assert found(REACHING[name], laid(name)) == []
