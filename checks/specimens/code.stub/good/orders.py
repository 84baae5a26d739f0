import sys
import uuid


def order_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex}"


def usage(code):
    sys.exit("usage: orders COMMAND")


def deny(order):
    raise PermissionError("orders of others are not shown")
