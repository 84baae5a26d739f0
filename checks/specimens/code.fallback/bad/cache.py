import contextlib

try:
    import redis
except ImportError:
    redis = None


def connect(url):
    try:
        return redis.Redis.from_url(url)
    except redis.ConnectionError:
        return LocalCache()


def recall(key):
    try:
        return connect(key).get(key)
    except Exception:
        logger.exception("no recall")
        return []


def store(key, value):
    with contextlib.suppress(ConnectionError):
        connect(key).set(key, value)


def pick(url):
    if url.is_reachable():
        return RemoteCache(url)
    return InMemoryCache()


def publish(bus, event):
    try:
        bus.publish(event)
    except ConnectionError:
        with open("spool.jsonl", "a") as spool:
            spool.write(event)


async def publish_all(bus, events):
    await asyncio.gather(*map(bus.publish, events), return_exceptions=True)


def drain(bus):
    try:
        bus.drain()
    finally:
        return True


def device(wanted):
    if wanted == "cuda" and not torch.cuda.is_available():
        wanted = "cpu"
    return wanted


def limits(path):
    try:
        with open(path) as file:
            return json.load(file)
    except OSError:
        return dict(DEFAULTS)


def consume(consumer, message):
    try:
        handle(message)
    except ValueError:
        logger.warning("bad message")
    consumer.commit(message)
