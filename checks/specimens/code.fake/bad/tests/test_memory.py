from unittest import mock as m

import fakeredis
import memory


class FakeClient:
    def get(self, key):
        return self.answers[key]


def test_the_store_is_asked(monkeypatch):
    monkeypatch.setattr(memory, "connect", lambda url: FakeClient())
    with m.patch("memory.embed"):
        assert memory.recall("a", fakeredis.FakeRedis())
