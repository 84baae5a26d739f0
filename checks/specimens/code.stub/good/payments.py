import hmac
from typing import Protocol, overload

from stores import Store


class Gateway(Protocol):
    def charge(self, card, amount) -> str: ...


class Declined(Exception):
    """The bank said no."""


class DiskStore(Store):
    def __init__(self, folder):
        self.folder = folder

    def save(self, item):
        (self.folder / item.name).write_text(item.text)


class Closing(Store):
    def save(self, item):
        return item.close()

    def on_full(self, item):
        pass


@overload
def convert(amount: int) -> int: ...
@overload
def convert(amount: float) -> float: ...
def convert(amount):
    return amount * 2


def verify_signature(payload, signature, key):
    if not hmac.compare_digest(hmac.digest(key, payload, "sha256"), signature):
        raise Declined
    return True


def unit(currency):
    if currency == "JPY":
        return 1
    return 100
