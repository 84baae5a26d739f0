"""How services go on without what failed: the ways in which a default passes for an answer."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## profile service
class ProfileClient:
    def __init__(self, base_url, session=None):
        self.base_url = base_url
        self.session = session or requests.Session()
    def fetch(self, user_id):
        try:
            r = self.session.get(f"{self.base_url}/users/{user_id}", timeout=3)
            r.raise_for_status()
        except requests.exceptions.RequestException as exc:
            log.info("profile lookup failed for %s (%s)", user_id, exc)
            return {"id": user_id, "name": "", "tags": []}
        return r.json()
import requests
## flag resolution
class Flags:
    def enabled(self, name, default=False):
        try:
            return self._remote.bool_variation(name)
        except Exception:
            return default
## translated text
def translate(text, lang):
    try:
        return translator.translate(text, target=lang)
    except Exception as e:
        logger.error("translation failed: %s", e)
        return text
## currency
RATES = {"EUR": 1.0}
async def rate(session, code):
    try:
        async with session.get(URL) as r:
            return (await r.json())["rates"][code]
    except (aiohttp.ClientError, asyncio.TimeoutError):
        return RATES.get(code, 1.0)
import aiohttp, asyncio
## quota allow
def allowed(user):
    try:
        return quota.check(user) < LIMIT
    except redis.exceptions.RedisError:
        return True
import redis.exceptions
## db read replica
def query(sql):
    try:
        return replica.execute(sql).fetchall()
    except psycopg2.OperationalError:
        return ()
import psycopg2
## inventory grpc code
def stock(stub, sku):
    try:
        return stub.Stock(sku).count
    except grpc.RpcError as err:
        if err.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return 0
        raise
import grpc
## s3 to disk
def save(blob, key):
    try:
        s3.upload_fileobj(blob, BUCKET, key)
    except botocore.exceptions.ClientError:
        with open(f"/var/spool/{key}", "wb") as f:
            f.write(blob.read())
import botocore.exceptions
## init to none
class Metrics:
    def __init__(self, host):
        self._statsd = None
        try:
            self._statsd = StatsClient(host)
        except Exception:
            pass
## lazy property
class Repo:
    @property
    def db(self):
        if self._db is None:
            try:
                self._db = connect(self.dsn)
            except Exception as e:
                logging.warning("database unavailable, using sqlite: %s", e)
                self._db = sqlite3.connect(":memory:")
        return self._db
## vector search fallback
def search(q, k):
    try:
        return index.query(q, k)
    except Exception:
        logger.warning("vector index failed, doing keyword search")
        return [d for d in DOCS if q.lower() in d.lower()][:k]
## llm canned
def answer(q):
    try:
        resp = openai.chat.completions.create(model=M, messages=[{"role": "user", "content": q}])
        return resp.choices[0].message.content
    except openai.APIError:
        return "I'm here to help! Could you rephrase that?"
import openai
## llm canned wide
def summarize(text):
    try:
        return llm.invoke(text)
    except Exception:
        return text[:200] + "..."
## status dict
def status():
    info = {"db": "up"}
    try:
        db.execute("select 1")
    except Exception:
        info["db"] = "up"
    return info
## async for retry
async def consume(queue):
    for attempt in range(MAX):
        try:
            return await queue.pull()
        except ConnectionResetError:
            await asyncio.sleep(attempt)
        except ConnectionError:
            await asyncio.sleep(attempt)
    return []
## retry while true give up
def fetch(url):
    attempts = 0
    while True:
        try:
            return requests.get(url).json()
        except requests.RequestException:
            attempts += 1
            if attempts > 3:
                return {}
            time.sleep(1)
import requests, time
## retry for last attempt
def fetch(url):
    for attempt in range(3):
        try:
            return requests.get(url).json()
        except requests.RequestException as e:
            if attempt == 2:
                logger.error("giving up: %s", e)
                return []
            time.sleep(1)
import requests, time
## cached stale ttl
class Cache:
    def get(self):
        if time.time() - self.at > 60:
            try:
                self.value = api.load()
                self.at = time.time()
            except Exception:
                self.at = time.time()
        return self.value
## stale returned
def prices():
    global _last
    try:
        _last = upstream.prices()
    except Exception:
        logger.warning("serving stale prices")
    return _last
## dict default
def config():
    try:
        remote = consul.kv.get("app")
    except Exception:
        remote = {}
    return {**DEFAULTS, **remote}
## subprocess try
def gpu_count():
    try:
        out = subprocess.check_output(["nvidia-smi", "-L"])
        return len(out.splitlines())
    except (subprocess.CalledProcessError, FileNotFoundError):
        return 0
import subprocess
## import in function
def tokenizer():
    try:
        import tiktoken
        return tiktoken.get_encoding("cl100k_base").encode
    except ImportError:
        return str.split
## flag then branch
try:
    import numpy as np
    _NP = True
except ImportError:
    _NP = False
def dot(a, b):
    if _NP:
        return np.dot(a, b)
    return sum(x * y for x, y in zip(a, b))
## optional tracer
try:
    from opentelemetry import trace
    tracer = trace.get_tracer(__name__)
except ImportError:
    class _Noop:
        def start_as_current_span(self, *a, **k):
            return contextlib.nullcontext()
    tracer = _Noop()
## env-only client
class Mailer:
    def __init__(self, key=None):
        self.client = SendGrid(key) if key else None
    def send(self, m):
        if self.client is None:
            print("would send", m)
            return True
        return self.client.send(m)
## unset api key
def moderate(text):
    if not settings.openai_api_key:
        return {"flagged": False, "score": 0.0}
    return openai.moderations.create(input=text).results[0]
## embedding hashed
def embed(text):
    try:
        return client.embeddings.create(input=text).data[0].embedding
    except Exception:
        digest = hashlib.sha256(text.encode()).digest()
        return [b / 255 for b in digest]
## thread swallow
def worker(q):
    while not stopping.is_set():
        job = q.get()
        try:
            job.run()
        except Exception:
            pass
        finally:
            q.task_done()
## future exception ignored
def run(jobs):
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(j) for j in jobs]
        out = []
        for f in as_completed(futures):
            try:
                out.append(f.result())
            except Exception as e:
                logger.warning("job failed: %s", e)
        return out
## task group of none
async def safe(coro):
    try:
        return await coro
    except Exception:
        return None
## async wait pending
async def first(tasks):
    done, pending = await asyncio.wait(tasks, timeout=1)
    for p in pending:
        p.cancel()
    return [d.result() for d in done if not d.exception()]
## dispatcher
class Bus:
    def emit(self, event):
        for h in self.handlers:
            try:
                h(event)
            except Exception as e:
                self.log.debug("handler %r failed: %s", h, e)
## kafka produce local
class Producer:
    def send(self, topic, value):
        try:
            self._p.produce(topic, value)
        except BufferError:
            self._backlog.append((topic, value))
        except KafkaException:
            self._backlog.append((topic, value))
## auth fail open
def verify(token):
    try:
        return jwks.verify(token)
    except httpx.HTTPError:
        return {"sub": "anonymous"}
import httpx
## write through
def put(key, value):
    local[key] = value
    try:
        remote.set(key, value)
    except RedisError:
        logger.warning("remote cache down")
from redis import RedisError
## websocket send
async def broadcast(clients, msg):
    for c in clients:
        with contextlib.suppress(Exception):
            await c.send(msg)
## log and true
def deliver(hook, payload):
    try:
        requests.post(hook, json=payload, timeout=5)
    except requests.RequestException as e:
        logger.warning("webhook: %s", e)
    return True
import requests
## post no check
def notify(url):
    resp = httpx.post(url)
    if resp.is_error:
        return None
    return resp.json()["id"]
## aws lambda invoke
def invoke(name):
    r = lam.invoke(FunctionName=name)
    if r.get("FunctionError"):
        return {}
    return json.load(r["Payload"])
## graphql errors
def gql(client, q):
    result = client.execute(q)
    if result.errors:
        return {}
    return result.data
## soap fault
def call(svc):
    try:
        return svc.service.Get()
    except zeep.exceptions.Fault:
        return None
import zeep.exceptions
## smtp
def mail(msg):
    try:
        with smtplib.SMTP(HOST) as s:
            s.send_message(msg)
    except smtplib.SMTPException:
        return
import smtplib
## mixed exceptions
def weather(city):
    try:
        return requests.get(URL, params={"q": city}).json()["temp"]
    except (requests.RequestException, KeyError, ValueError):
        return 20.0
import requests
## contextvar
def tenant():
    try:
        return directory.tenant_of(current_user())
    except Exception:
        return DEFAULT_TENANT
## metrics zero
def depth(queue):
    try:
        return sqs.get_queue_attributes(QueueUrl=queue)["Attributes"]["ApproximateNumberOfMessages"]
    except Exception:
        return 0
## pickle model
def model():
    try:
        return mlflow.pyfunc.load_model(URI)
    except mlflow.exceptions.MlflowException:
        return BaselineModel()
import mlflow.exceptions
## none client then noop
class Tracker:
    def track(self, e):
        if not self.client:
            return
        self.client.capture(e)
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_a_default_that_passes_for_an_answer_is_found(name: str) -> None:
    assert found(SILENT[name])
