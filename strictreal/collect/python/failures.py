"""Which exceptions stand for what: everything, a service that cannot be reached, a module that is missing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

Breadth = Literal["everything", "service", "import", "other"]

EVERYTHING = frozenset({"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup"}) | {
    "exceptiongroup.ExceptionGroup",
    "exceptiongroup.BaseExceptionGroup",
}
"""What every error is, and what a group of tasks raises, whatever went wrong in them."""
MAX_KINDS = 50
"""How many exceptions of one handler are looked at."""
MISSING = frozenset({"ImportError", "ModuleNotFoundError", "importlib.metadata.PackageNotFoundError"})
GONE = frozenset({"ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError"})
"""The other side hung up: there is nobody left to tell."""
PLAIN_SERVICE = vocabulary(
    """
    ConnectionError ConnectionRefusedError socket.gaierror socket.herror http.client.HTTPException
    urllib.error.URLError urllib.error.HTTPError ssl.SSLError http.client.RemoteDisconnected
    smtplib.SMTPException smtplib.SMTPServerDisconnected ftplib.all_errors smtplib.SMTPConnectError
    subprocess.CalledProcessError subprocess.TimeoutExpired subprocess.SubprocessError
    grpc.RpcError grpc.aio.AioRpcError grpc.FutureTimeoutError requests.Timeout django.db.OperationalError
    django.db.DatabaseError django.db.InterfaceError django.db.utils.OperationalError
    """
)
WHEN_NETWORKED = frozenset({"OSError", "IOError", "EnvironmentError", "socket.error"})
LOCAL_DATABASES = frozenset({"sqlite3"})
"""Databases in the own process: their errors hide something only where a default takes the place of the data."""
TIMEOUTS = vocabulary(
    """
    TimeoutError asyncio.TimeoutError asyncio.exceptions.TimeoutError socket.timeout
    concurrent.futures.TimeoutError
    """
)
_CLIENTS = vocabulary(
    """
    redis requests httpx aiohttp urllib3 botocore boto3 sqlalchemy psycopg psycopg2 asyncpg pymongo kafka
    confluent_kafka aiokafka pika aio_pika aiormq kombu elasticsearch opensearchpy pymysql MySQLdb mysql
    aiomysql openai anthropic qdrant_client minio paramiko kubernetes nats cassandra neo4j weaviate pymilvus
    docker google azure grpclib websockets websocket aioredis pymemcache memcache pylibmc etcd3 consul hvac
    ldap3 motor aiosmtplib stripe chromadb pinecone temporalio celery influxdb_client clickhouse_driver asyncssh
    zmq oracledb mistralai cohere twilio slack_sdk huggingface_hub valkey aerospike tornado.httpclient
    zeep suds mlflow wandb pyodbc cx_Oracle snowflake trino pyhive impala couchbase arango aiobotocore aioboto3 pymssql
    googleapiclient sendgrid pysnmp paho pulsar stomp pyrabbit rq meilisearch typesense algoliasearch supabase
    postgrest firebase_admin auth0 msal okta plaid square braintree paypalrestsdk pynats hazelcast
    jira clamd pytesseract pyclamd tweepy praw pexpect pysolr ibm_db pyvisa
    asyncio_mqtt aiomqtt aiogram telegram discord litellm groq ollama replicate together vertexai pyspark
    """
)
"""Packages whose exceptions, by and large, mean that the other side failed."""
_ANSWERS = vocabulary(
    """
    lock watch response script found integrity duplicate unique already exists json decode invalid
    schema noresultfound multipleresultsfound resultfound multiple programming again validation parse value
    key type argument conflict unauthorized forbidden unicode compile syntax usage config configuration lookup
    index attribute disallowed assertion terminated cancelled canceled closed shutdown
    """
)
"""Words of exceptions by which a service that works gives an answer: not found, duplicate, conflict."""
_FAILING = vocabulary(
    """
    connection connect unavailable unreachable network timeout remote broker transport service redis kafka rpc
    http api database operational client server request endpoint gateway backend
    upstream embedding llm storage publish provider delivery rate fetch download upload bus breaker circuit retry ldap
    smtp mqtt amqp grpc nats dns websocket proxy
    """
)
_NETWORK_CALLS = vocabulary(
    """
    connect send sendall recv urlopen publish ping create_connection open_connection getresponse sendto request
    sendmail login connect_ex create_datagram_endpoint open_unix_connection
    """
)
_CALLED = vocabulary(
    """
    client api sdk session conn connection stub service translator geocoder gateway bus device llm embedder reranker
    provider upstream remote
    """
)
"""Words of objects by which a service or a device is called."""
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_NETWORK_MODULES = (
    frozenset({"http", "urllib", "smtplib", "ftplib", "imaplib", "telnetlib", "xmlrpc", "ssl"}) | _CLIENTS
)
_WAITING = vocabulary(
    """
    wait acquire join poll select recv recvfrom accept readline input read recv_multipart
    receive get_message next get_nowait sleep as_completed __anext__
    """
)
_TAKING = vocabulary("get result communicate gather")
"""Methods that wait for a queue or a task, or ask a service."""


def catches(module: ParsedModule, handler: ast.ExceptHandler) -> tuple[str, ...]:
    """What a handler catches, fully qualified where imports tell; empty for a bare `except:`.

    Tuples are followed through names, `*`, `+`, conditions and attributes of the class; `?` stands for what is unknown.
    """
    return () if handler.type is None else kinds(module, [handler.type])


def kinds(module: ParsedModule, given: Sequence[ast.expr]) -> tuple[str, ...]:
    """The exceptions that expressions stand for, as `catches` writes them."""
    found: dict[str, None] = {}
    waiting = list(given)[::-1]
    for _ in range(MAX_KINDS):
        if not waiting:
            break
        node = waiting.pop()
        parts = _parts(module, node)
        if parts is None:
            found[_name(module, node)] = None
        else:
            waiting += parts[::-1]
    return tuple(found)


def _name(module: ParsedModule, node: ast.expr) -> str:
    name = dotted(module, node).removeprefix("builtins.")
    if name:
        return name
    named = (
        dotted(module, n).removeprefix("builtins.") for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    )
    return next((name for name in named if name in EVERYTHING), "?")


def _parts(module: ParsedModule, node: ast.expr) -> list[ast.expr] | None:
    """What a collection of exceptions is put together from; None for one exception."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return node.elts
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return node.args if dotted(module, node.func) in {"tuple", "list", "set", "frozenset"} else None
    bound: list[ast.expr | None] = []
    if isinstance(node, ast.Name):
        bound = [b.value for b in module.names.reaching(node)]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        bound = _of_class(module, node)
    if len(bound) != 1 or bound[0] is None or isinstance(bound[0], ast.Name | ast.Attribute):
        return None
    return None if _parts(module, bound[0]) is None or isinstance(bound[0], ast.IfExp) else [bound[0]]


def _of_class(module: ParsedModule, node: ast.Attribute) -> list[ast.expr | None]:
    """What an attribute of the class around, or of a class of this module, is given in the body of the class."""
    owner: ast.AST | None = None
    if getattr(node.value, "id", "") in {"self", "cls"}:
        owner = module.parents.get(node)
        while owner is not None and not isinstance(owner, ast.ClassDef):
            owner = module.parents.get(owner)
    else:
        owner = next((d for d in module.definitions(node.value) if isinstance(d, ast.ClassDef)), None)
    statements = owner.body if isinstance(owner, ast.ClassDef) else []
    return [
        s.value
        for s in statements
        if isinstance(s, ast.Assign | ast.AnnAssign)
        for target in (s.targets if isinstance(s, ast.Assign) else [s.target])
        if isinstance(target, ast.Name) and target.id == node.attr
    ]


def breadth(module: ParsedModule, names: tuple[str, ...], body: list[ast.stmt], *, defaulting: bool) -> Breadth | None:
    """What kind of failure the caught exceptions stand for; None for control flow and answers.

    Args:
        body: what the `try` covers: it decides whether an OSError is about the network, a timeout about a service.
        defaulting: the handler gives something in place of the result.
    """
    imports = [s for s in body if isinstance(s, ast.Import | ast.ImportFrom)]
    if not MISSING.isdisjoint(names):
        return "import"
    if not names or not EVERYTHING.isdisjoint(names):
        only_imports = imports and all(isinstance(s, ast.Import | ast.ImportFrom | ast.Assign) for s in body)
        return "import" if only_imports else "everything"
    for name in names:
        if is_service(name):
            return "service"
        if name in WHEN_NETWORKED and networked(module, body):
            return "service"
        if name == "FileNotFoundError" and defaulting and _starts_program(module, body):
            return "service"
        if name.partition(".")[0] in LOCAL_DATABASES and defaulting:
            return "service"
        if name in TIMEOUTS and defaulting and not _waits(body) and not _waiting(names):
            return "service"
    return None


def _waiting(names: tuple[str, ...]) -> bool:
    return any(name.rpartition(".")[2] in {"CancelledError", "Empty", "StopIteration"} for name in names)


def is_service(name: str) -> bool:
    """Whether an exception means that another process could not be reached or failed."""
    if name in GONE:
        return False
    if name in PLAIN_SERVICE:
        return True
    own = words(name.rpartition(".")[2])
    if not _ANSWERS.isdisjoint(own):
        return False
    package = name.lstrip(".").partition(".")[0]
    if package in _CLIENTS and "." in name:
        return True
    known = name in EVERYTHING or name in WHEN_NETWORKED or name in TIMEOUTS or name == "RuntimeError"
    return (
        not known
        and bool(own)
        and not _FAILING.isdisjoint(own)
        and own[-1] in {"error", "exception", "unavailable", "timeout", "down"}
    )


def of_client(module: ParsedModule, names: tuple[str, ...], body: list[ast.stmt]) -> bool:
    """Whether the errors are those of another package, of which the code calls a client: `except OsrmError` of a route."""
    own = module.path.partition("/")[0].removesuffix(".py")
    foreign = False
    for name in names:
        package = name.partition(".")[0]
        last = words(name.rpartition(".")[2])
        known = not package or package == own or package in sys.stdlib_module_names or "." not in name
        foreign |= not known and last[-1:] in {("error",), ("exception",)} and _ANSWERS.isdisjoint(last)
    return foreign and any(not _CALLED.isdisjoint(_receiver(call)) for call in _calls(body))


def makes_client(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a call makes an object of a client library: `redis.Redis.from_url(url)`, `KafkaProducer(…)`."""
    name = dotted(module, call.func)
    made = any(part[:1].isupper() for part in name.split(".")[1:])
    return made and name.partition(".")[0] in _CLIENTS


def asks(body: list[ast.stmt]) -> bool:
    """Whether some statement calls a method of a client of a service."""
    return any(not (_CALLED - {"session"}).isdisjoint(_receiver(call)) for call in _calls(body))


def _receiver(call: ast.Call) -> tuple[str, ...]:
    """The words of the object whose method is called."""
    held = call.func.value if isinstance(call.func, ast.Attribute) else None
    return words(held.attr if isinstance(held, ast.Attribute) else getattr(held, "id", ""))


def networked(module: ParsedModule, body: list[ast.stmt]) -> bool:
    """Whether some statement talks to another process by a socket or a client library."""
    for call in _calls(body):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = dotted(module, call.func)
        if method in _NETWORK_CALLS or name in _RESOLVING or name.partition(".")[0] in _NETWORK_MODULES:
            return True
    return False


def _starts_program(module: ParsedModule, body: list[ast.stmt]) -> bool:
    return any(dotted(module, call.func).startswith("subprocess.") for call in _calls(body))


def _waits(body: list[ast.stmt]) -> bool:
    """Whether a timeout is the ordinary end of waiting: for a queue, an event, a lock, a poll; not for an answer."""
    return any(
        isinstance(call.func, ast.Attribute)
        and (call.func.attr in _WAITING or (call.func.attr in _TAKING and not _is_asked(call)))
        for call in _calls(body)
    )


def _is_asked(call: ast.Call) -> bool:
    """Whether a service is asked for something, or the result of some work: `client.get(key)`, `future.result(2)`."""
    own = set(_receiver(call))
    return not (_CALLED | {"http", "store", "cache", "redis", "future", "fut", "db", "database", "repo"}).isdisjoint(
        own
    )


def _calls(body: list[ast.stmt]) -> list[ast.Call]:
    return [node for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call)]
