import contextlib
import time

try:
    import tomllib
except ImportError:
    import tomli as tomllib

try:
    import redis
except ImportError:
    redis = None


def connect(url):
    if redis is None:
        raise RuntimeError("install redis")
    for _ in range(3):
        try:
            return redis.Redis.from_url(url)
        except redis.ConnectionError:
            time.sleep(1)
    raise TimeoutError(url)


def is_up(client):
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def recall(client, keys):
    errors = []
    for key in keys:
        try:
            client.get(key)
        except Exception as error:
            errors.append(error)
    return errors


def number(text):
    try:
        return int(text)
    except ValueError:
        return None


def drop(client):
    with contextlib.suppress(Exception):
        client.close()


def pick(url):
    if not url.is_reachable():
        raise ConnectionError(url)
    return RemoteCache(url)


class Recall:
    def __init__(self, store=None):
        self.store = store or InMemoryStore()


def publish(bus, event):
    try:
        bus.publish(event)
    except ConnectionError:
        with open("spool.jsonl", "a") as spool:
            spool.write(event)
        raise


async def publish_all(bus, events):
    return await asyncio.gather(*map(bus.publish, events), return_exceptions=True)


def device(wanted):
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("no GPU here")
    return wanted


def limits(path):
    with open(path) as file:
        return json.load(file)


def consume(consumer, message):
    try:
        handle(message)
    except ValueError:
        consumer.reject(message)
        return
    consumer.commit(message)
