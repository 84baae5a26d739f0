"""Where a program connects to or listens on, written in code: hosts, addresses, ports, URLs of services and DSNs."""

from __future__ import annotations

import ast
import ipaddress
import re
from collections.abc import Iterator
from itertools import pairwise

from strictreal.collect.python.context import Purpose, in_settings_class, purpose, words
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary
from strictreal.facts.code import HardCodedKind

MAX_LITERAL = 2048
_FIELD = "{}"
_FIELDS = {_FIELD, "%s", "http://{}", "https://{}"}
_FILLED_IN = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]{1,40})://(?:[^/@\s]{0,200}@)?(?:\{[^}]{0,60}\}|%s|%\(\w{1,40}\)s):\d{2,5}(?:[/?#]|$)"
)
_CONNECTION = re.compile(
    r"(?i)^(?=.*\b(?:host|server|data source|address)=[\w.,:\\-]+)"
    r"(?=.*\b(?:dbname|database|user(?: id)?|uid|port)=)"
    r"[^{}%\n]{8,400}$"
)
"""`host=db dbname=memory` and `Server=db;Database=memory`: connection strings of libpq and ODBC."""
_KINDS: dict[str, HardCodedKind] = {
    "url": "url",
    "dsn": "dsn",
    "host": "host",
    "name": "host",
    "number": "port",
    "port": "port",
}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,40})://(?:[^\s/@?#\[\]]{0,400}@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,60}\]|[A-Za-z0-9_*](?:[\w.*-]{0,250}\w)?)(?P<port>:\d{0,5})?(?P<rest>[/?#,;]\S{0,2000})?$"
)
_ADDRESS = re.compile(
    r"(?P<host>[A-Za-z][\w.-]{0,250}|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,60}\]):(?P<port>\d{2,5})$"
)
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?$")
_NO_HOST = {"unknown", "none", "auto", "default", "any", "all", "host", "hostname", "name", "null", "true", "false"}
_LOOPBACK = {"localhost", "localhost.localdomain", "host.docker.internal"}
_INTERNAL = (
    ".local",
    ".internal",
    ".svc",
    ".lan",
    ".corp",
    ".intranet",
    ".private",
    ".cluster.local",
    ".consul",
    ".home",
)
_ASSETS = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".html", ".htm", ".md", ".pdf", ".xsd", ".dtd")
_WEB = {"http", "https", "ws", "wss"}
_NO_SERVICE = vocabulary(
    """
    urn file data about javascript mailto chrome memory inproc ipc unix env tag doi arn vscode package resource
    app local mock oci git ssh cid
    """
)
_SERVICE_SCHEMES = vocabulary(
    """
    postgres postgresql mysql mariadb mongodb redis rediss valkey memcache memcached amqp amqps kafka nats stomp mqtt
    mqtts mssql oracle cockroachdb clickhouse clickhousedb cassandra scylla neo4j bolt elasticsearch opensearch grpc
    grpcs tcp udp ldap ldaps smtp smtps imap imaps pop pops ftp ftps sftp s3 gs hdfs etcd consul zk zookeeper milvus
    qdrant snowflake databricks trino presto hive druid influxdb statsd syslog sentry vault pulsar rabbitmq sqs sentinel
    db2 firebird sqlserver nfs smb rtsp rtmp sip
    """
)
_HOST_WORDS = vocabulary(
    """
    host hosts hostname hostnames server servers broker brokers upstream address addr bind listen peer peers
    master gateway endpoint endpoints proxy nodes seeds ip bootstrap target domain nameserver nameservers url
    uri dsn backend
    """
)
_PLAIN_HOST_WORDS = {"host", "hostname", "hosts"}
_URL_WORDS = vocabulary(
    """
    url urls uri endpoint endpoints base api webhook host server gateway proxy broker registry upstream backend
    service remote target address dsn connection origin origins callback issuer authority index mirror download
    domain site addr
    """
)
_LINK_WORDS = vocabulary(
    """
    doc docs documentation help homepage home license licence reference schema link namespace ns xmlns issue
    issues bug bugs source repo repository project author feedback changelog see info logo icon image avatar
    guide readme spec tutorial type profile rel vocab context ontology referer agent badge cite
    """
)
_LINK_DOMAINS = vocabulary(
    """
    github.com gitlab.com bitbucket.org readthedocs.io readthedocs.org wikipedia.org stackoverflow.com w3.org
    json-schema.org schema.org purl.org xmlns.com python.org ietf.org opensource.org apache.org arxiv.org
    creativecommons.org medium.com youtube.com youtu.be twitter.com x.com linkedin.com mozilla.org gnu.org
    stackexchange.com shields.io slack.com discord.gg google.com microsoft.com reddit.com doi.org
    """
)
"""Where links for readers lead; an API there is called by an `api.` host or by a client."""
_DOC_HOST = re.compile(r"(?i)(?:\w*docs?|help|wiki|blog|learn|developers?|support|forum|community|schemas?|discuss)\.")
_CLIENT_CALLS = vocabulary(
    """
    get post put patch delete head request urlopen urlretrieve Request fetch stream ws_connect websocket_connect
    create_connection Client AsyncClient ClientSession
    """
)
_CONNECTING = re.compile(
    r"(?i)(?:.*(?:client|server|session|redis|channel|engine|producer|consumer|pool|socket|transport|driver|proxy|broker"
    r"|endpoint)|(?:create_|open_)?connect(?:ion)?|bind|listen|serve|run|dial|cluster|smtp|smtp_ssl|imap4|ftp|telnet|nntp"
    r"|pop3|start_server|elasticsearch|kazooclient|getaddrinfo|gethostbyname|from_url)$"
)
_NOT_AN_ADDRESS = vocabulary("version versions oid release image tag netmask mask subnet cidr network")
_DEFINES_ITSELF = vocabulary("localhost loopback any wildcard unspecified local private broadcast all")
_ASSIGNED_PORTS = {
    80: {"http", "ws"},
    443: {"https", "wss", "ssl", "tls"},
    22: {"ssh", "sftp"},
    21: {"ftp"},
    25: {"smtp"},
    465: {"smtp", "smtps"},
    587: {"smtp", "submission"},
    143: {"imap"},
    993: {"imaps"},
    110: {"pop3"},
    389: {"ldap"},
    636: {"ldaps"},
    88: {"kerberos"},
    53: {"dns"},
    123: {"ntp"},
    161: {"snmp"},
    514: {"syslog"},
    23: {"telnet"},
}
"""IANA's ports, which a name that says its protocol may define outside the settings."""


def endpoints(module: ParsedModule) -> Iterator[tuple[HardCodedKind, ast.expr, str]]:
    """(kind, node, value) of every endpoint of the module; the kinds are `host`, `port`, `url` and `dsn`."""
    for constant in module.of(ast.Constant):
        value = constant.value
        if type(value) is int and 10 <= value < 65536:
            if _is_port(module, constant, value):
                yield "port", constant, str(value)
        elif isinstance(value, str) and not isinstance(module.parents[constant], ast.JoinedStr):
            yield from _of_text(module, constant, value)
    for joined in module.of(ast.JoinedStr):
        if isinstance(module.parents[joined], ast.FormattedValue):
            continue  # a format
        parts = (v.value if isinstance(v, ast.Constant) else _FIELD for v in joined.values)
        yield from _of_text(module, joined, "".join(str(part) for part in parts))


def _of_text(module: ParsedModule, node: ast.expr, value: str) -> Iterator[tuple[HardCodedKind, ast.expr, str]]:
    if not 1 < len(value) <= MAX_LITERAL or (any(c.isspace() for c in value) and not _is_connection(value)):
        return
    looks = _looks(value)
    if not looks:
        return
    use = purpose(module, node)
    if use is None or in_settings_class(module, node):
        return
    if _matters(looks, value, use, beside=_beside(module, node)):
        yield _KINDS[looks], node, value


def _is_connection(value: str) -> bool:
    return value.count("=") > 1 and bool(_CONNECTION.search(value))


def _looks(value: str) -> str:
    """What a string can be by itself.

    Returns:
        `url`, `dsn`, `host`, `name` (a host if it is called one), `number` (a port if it is called one), `port` (the
        port of a host that is filled in), or "".
    """
    if _is_connection(value):
        return "dsn"
    first = value.split(",", maxsplit=1)[0]
    if "://" in value:
        if re.match(r"(?:jdbc:)?sqlite(?:\+\w+)?:///(?!:memory:|.*mode=memory)[\w./]", value):
            return "dsn"
        return _looks_of_url(first.removeprefix("jdbc:"))
    bare, _, port = first.rpartition(":")
    if bare in _FIELDS and port.isdecimal() and len(port) > 3:
        return "port"
    if bare and re.fullmatch(r"\{.*\}/?", port):
        first = bare  # localhost:{port}
    if "{" in first or "%" in first:
        return ""
    if first.lower() in _LOOPBACK or _is_ip(first) or _ADDRESS.match(first):
        return "host"
    if first.isdecimal():
        return "number" if len(first) < 6 and 1 < int(first) < 65536 else ""
    return "name" if _HOSTNAME.match(value) else ""


def _looks_of_url(value: str) -> str:
    found = _URL.match(_settled(value))
    if not found:
        filled_in = _FILLED_IN.match(value)
        return "port" if filled_in and filled_in["scheme"].lower() not in _NO_SERVICE else ""
    scheme = found["scheme"].lower()
    if scheme in _NO_SERVICE or found["host"] in {"*", "_"}:
        return ""
    return "url" if scheme in _WEB else "dsn" if re.split(r"[+.]", scheme)[0] in _SERVICE_SCHEMES else ""


def _settled(value: str) -> str:
    """The part of a URL that is the same at every run: `http://me:{}@localhost:{}/x` is `http://localhost:`."""
    scheme, _, rest = value.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    authority = authority.rpartition("@")[2]
    fixed = re.split(r"[{%]", authority, maxsplit=1)[0]
    if fixed != authority:
        return f"{scheme}://{fixed}" if fixed.endswith(":") else ""
    return f"{scheme}://{authority}" + re.split(r"[{%\s]", path, maxsplit=1)[0]


def _is_ip(value: str) -> bool:
    if not re.match(r"[0-9A-Fa-f:.]{3,45}$", value) or (":" in value and "::" not in value and value.count(":") != 7):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _matters(looks: str, value: str, use: Purpose, *, beside: int | None) -> bool:
    """Whether what looks like an endpoint is one, given what it is for."""
    named = words(use.name or use.of)
    known = set(named)
    if known & _DEFINES_ITSELF and looks == "host":
        return False
    if looks == "dsn":
        return not known & _LINK_WORDS or bool(known & _URL_WORDS)
    if looks == "url":
        return _is_service(value, named, use)
    if looks == "port":
        return bool(use.name or use.callee or use.of)
    if known & _NOT_AN_ADDRESS or beside == 0:
        return False
    if looks == "host":
        return _is_host(value, known, use)
    last = named[-1] if named else ""
    connects = bool(_CONNECTING.match(use.callee)) and beside is not None
    if looks == "name" and connects and not use.name and "." in value.strip("."):
        return True
    if looks == "name" and use.name and value.lower() not in _NO_HOST:
        if last in _PLAIN_HOST_WORDS or (last == "server" and named[-2:-1] and "." in value):
            return not value.lower().endswith(
                (".py", ".txt", ".json", ".yaml", ".html")
            ) and "host" not in value.lower().split("_")
        return last in {"server", "servers", "broker", "brokers", "nameserver"} and value.count(".") > 1
    return looks == "number" and last == "port"


def _is_host(value: str, known: set[str], use: Purpose) -> bool:
    host = value.rpartition(":")[0] if _ADDRESS.match(value.split(",", maxsplit=1)[0]) else value.rstrip(":/")
    if host.lower() in _LOOPBACK or host in {"127.0.0.1", "0.0.0.0", "::1", "::", "[::1]", "[::]"}:  # noqa: S104
        return True
    if _is_ip(host.strip("[]")):
        return bool(known & _HOST_WORDS or _CONNECTING.match(use.callee)) or not host.startswith(
            ("1.", "2.", "0.", "3.")
        )
    internal = host.lower().endswith(_INTERNAL)
    return internal or bool(known & _HOST_WORDS) or bool(_CONNECTING.match(use.callee) and use.callee.lower() != "run")


def _is_service(value: str, named: tuple[str, ...], use: Purpose) -> bool:
    """Whether a web URL is one that the program talks to, and not one that people read."""
    found = _URL.match(_settled(value.split(",", maxsplit=1)[0]))
    if not found:
        return False
    host = found["host"].lower().strip("[]")
    if (found["rest"] or "").lower().endswith(_ASSETS):
        return False
    if set(named) & _LINK_WORDS and not set(named) & {"api", "webhook"}:
        return False
    called = use.callee in _CLIENT_CALLS
    if host in _LOOPBACK or _is_ip(host) or "." not in host or host.endswith(_INTERNAL) or (found["port"] or "") > ":":
        return bool(named) or bool(use.callee)
    linked = any(host == domain or host.endswith("." + domain) for domain in _LINK_DOMAINS)
    if linked and not host.startswith(("api.", "raw.", "upload.")) and not called:
        return False
    if _DOC_HOST.match(host) and not called:
        return False
    return called or bool(named and set(named[-2:]) & _URL_WORDS)


def _beside(module: ParsedModule, node: ast.expr) -> int | None:
    """The number after a string in a pair or among arguments: `("127.0.0.1", 0)`, `SMTP("mail.example", 587)`."""
    row = module.parents[node]
    members = row.elts if isinstance(row, ast.Tuple) else row.args if isinstance(row, ast.Call) else []
    for text, number in pairwise(members[:3]):
        if text is node and isinstance(number, ast.Constant) and type(number.value) is int:
            return number.value
    return None


def _is_port(module: ParsedModule, constant: ast.Constant, value: int) -> bool:
    use = purpose(module, constant)
    if use is None or in_settings_class(module, constant):
        return False
    named = words(use.name)
    if named and named[-1] in {"port", "ports"}:
        return not _ASSIGNED_PORTS.get(value, set()) & set(named)
    row = module.parents[constant]
    members = row.elts if isinstance(row, ast.Tuple) else row.args if isinstance(row, ast.Call) else []
    for text, number in pairwise(members[:3]):
        if number is constant and isinstance(text, ast.Constant) and isinstance(text.value, str):
            looks = _looks(text.value)
            if isinstance(row, ast.Tuple) and looks == "host":
                return True
            return looks in {"host", "name"} and bool(set(named) & _HOST_WORDS or _CONNECTING.match(use.callee))
    return False
