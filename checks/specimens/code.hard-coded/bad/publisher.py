import httpx
import redis

BROKER_URL = "kafka.prod.internal:9092"
DATABASE = "postgresql://memory:s3cr3t-pass@db.prod.internal:5432/memory"
api_key = "mk-51H7c9Q2"


def connect(host="localhost", port=6379):
    return redis.Redis(host=host, port=port, password="tr0ub4dor")


def publish(event, attempts):
    if attempts > 5:
        raise RuntimeError("gave up")
    return httpx.post("https://events.example.net/v1/publish", json=event)


def is_relevant(memory):
    return memory.score >= 0.75
