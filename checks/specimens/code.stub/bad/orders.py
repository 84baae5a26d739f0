import sys
import time
import uuid


def charge(card, amount):
    time.sleep(0.2)
    return {"id": uuid.uuid4().hex, "status": "succeeded", "at": time.time()}


def deploy(version):
    sys.exit("not implemented yet")


def ship(order):
    raise RuntimeError("TODO: shipping")
