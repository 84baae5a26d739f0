import random


class InMemoryStore:
    def put(self, key, value):
        self.items[key] = value


def embed(text):
    random.seed(text)
    return [random.random() for _ in range(8)]


def record_stub(payload):
    _GLOBAL_PAYLOADS.append(payload)


@app.get("/tank")
def tank():
    return {"litres": random.randint(0, 500)}
