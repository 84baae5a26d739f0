import os

BROKER = os.environ.setdefault("BROKER", "localhost:9092")
