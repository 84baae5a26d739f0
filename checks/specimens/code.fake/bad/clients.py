import hashlib
from types import SimpleNamespace

bus = SimpleNamespace(publish=lambda topic, value: None)


class RedisClient:
    def __init__(self, url):
        self._items = {}

    def get(self, key):
        return self._items.get(key)

    def set(self, key, value):
        self._items[key] = value


def embed_text(text):
    return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()]
