import random


class FakeNewsClassifier:
    def predict(self, text):
        return self.model.predict(text)


class MemoryServiceStub:
    def __init__(self, channel):
        self.Get = channel.unary_unary("/memory.Memory/Get")


def backoff(attempt):
    return 2**attempt + random.uniform(0, 1)


def pick_replica(replicas):
    return random.choice(replicas)


@app.get("/tank")
def tank():
    return {"litres": gauge.read(), "draw_id": random.getrandbits(64)}
