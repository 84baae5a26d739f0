"""Publishes to the broker; see https://docs.example.net/events."""

import sys

import settings

HTTPS_PORT = 443
SECONDS_PER_DAY = 86_400
PASSWORD_FIELD = "password"
LOCALHOST = "127.0.0.1"


def publish(client, event, attempts):
    if attempts > settings.MAX_ATTEMPTS:
        raise RuntimeError("gave up; see https://docs.example.net/retries")
    response = client.post(settings.BROKER_HOST, settings.BROKER_PORT, event)
    if response.status_code >= 400 or not 0 <= event.priority <= 1:
        return None
    return response


def is_local(host):
    return host in ("localhost", LOCALHOST, "::1")


def parse(line):
    fields = line.split(",")
    if len(fields) < 4 or sys.version_info < (3, 11):
        raise ValueError("expected four fields")
    return fields
