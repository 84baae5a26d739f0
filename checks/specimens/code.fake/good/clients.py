import hashlib
from types import SimpleNamespace

import redis

options = SimpleNamespace(verbose=True)


class RedisClient:
    def __init__(self, url):
        self._seen = {}
        self._redis = redis.Redis.from_url(url)

    def get(self, key):
        if key not in self._seen:
            self._seen[key] = self._redis.get(key)
        return self._seen[key]


class Cache:
    def __init__(self):
        self._items = {}

    def get(self, key):
        return self._items.get(key)


def embedding_key(text):
    return hashlib.sha256(text.encode()).hexdigest()
