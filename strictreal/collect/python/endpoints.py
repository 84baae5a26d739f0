"""Where a program connects to or listens on, written in code: hosts, addresses, ports, URLs of services and DSNs."""

from __future__ import annotations

import ast
import ipaddress
import re
from collections.abc import Iterator

from strictreal.collect.python.context import Purpose, in_settings_class, purpose, words
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary
from strictreal.facts.code import HardCodedKind

MAX_LITERAL = 2048
_KINDS: dict[str, HardCodedKind] = {"url": "url", "dsn": "dsn", "host": "host", "name": "host", "number": "port"}
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
        if type(value) is int and 1 < value < 65536:
            if _is_port(module, constant, value):
                yield "port", constant, str(value)
        elif isinstance(value, str) and 1 < len(value) <= MAX_LITERAL and not _is_text(value):
            kind = _kind(module, constant, value)
            if kind:
                yield kind, constant, value


def _is_text(value: str) -> bool:
    return any(c.isspace() for c in value)


def _kind(module: ParsedModule, constant: ast.Constant, value: str) -> HardCodedKind | None:
    looks = _looks(module, constant, value)
    if not looks:
        return None
    use = purpose(module, constant)
    if use is None or in_settings_class(module, constant):
        return None
    if not _matters(looks, value, use, ephemeral=_beside_port_zero(module, constant)):
        return None
    return _KINDS[looks]


def _looks(module: ParsedModule, constant: ast.Constant, value: str) -> str:
    """What a string can be by itself: `url`, `dsn`, `host`, `name` (a host if it is called one), `number`, or ""."""
    in_format = isinstance(module.parents[constant], ast.JoinedStr)
    if "://" in value:
        first = value.split(",", maxsplit=1)[0]
        found = _URL.match(_without_format(first))
        if not found:
            return "dsn" if re.match(r"sqlite(?:\+\w+)?:///(?!:memory:|.*mode=memory)[\w./]", value) else ""
        scheme = found["scheme"].lower()
        if scheme in _NO_SERVICE or found["host"] in {"*", "_"}:
            return ""
        return "url" if scheme in _WEB else "dsn" if re.split(r"[+.]", scheme)[0] in _SERVICE_SCHEMES else ""
    if value.lower() in _LOOPBACK or _is_ip(value):
        return "host"
    if in_format:
        bare = value.rstrip(":/")
        return "host" if bare.lower() in _LOOPBACK or (bare != value and _is_ip(bare)) else ""
    if _ADDRESS.match(value.split(",", maxsplit=1)[0]):
        return "host"
    if value.isdecimal():
        return "number" if 1 < int(value[:6]) < 65536 else ""
    return "name" if _HOSTNAME.match(value) else ""


def _without_format(value: str) -> str:
    """The URL up to its first replacement field after the host: `http://localhost:%d/x` is `http://localhost:`."""
    cut = re.search(r"[%{]", value.partition("://")[2])
    if cut is None:
        return value
    kept = value[: value.index("://") + 3 + cut.start()]
    return kept if re.search(r"://.*[:/]", kept) else value


def _is_ip(value: str) -> bool:
    if not re.match(r"[0-9A-Fa-f:.]{3,45}$", value) or (":" in value and "::" not in value and value.count(":") != 7):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _matters(looks: str, value: str, use: Purpose, *, ephemeral: bool) -> bool:
    """Whether what looks like an endpoint is one, given what it is for."""
    named = words(use.name or use.of)
    known = set(named)
    if known & _DEFINES_ITSELF and looks == "host":
        return False
    if looks == "dsn":
        return not known & _LINK_WORDS or bool(known & _URL_WORDS)
    if looks == "url":
        return _is_service(value, named, use)
    if known & _NOT_AN_ADDRESS or ephemeral:
        return False
    if looks == "host":
        return _is_host(value, known, use)
    last = named[-1] if named else ""
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
    found = _URL.match(_without_format(value.split(",", maxsplit=1)[0]))
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


def _beside_port_zero(module: ParsedModule, constant: ast.Constant) -> bool:
    """`("127.0.0.1", 0)` asks for any free port: nothing is fixed."""
    row = module.parents[constant]
    return (
        isinstance(row, ast.Tuple)
        and len(row.elts) > 1
        and isinstance(row.elts[1], ast.Constant)
        and row.elts[0] is constant
        and row.elts[1].value == 0
    )


def _is_port(module: ParsedModule, constant: ast.Constant, value: int) -> bool:
    row = module.parents[constant]
    if isinstance(row, ast.Tuple) and len(row.elts) == 2 and row.elts[1] is constant:
        beside = row.elts[0]
        if (
            isinstance(beside, ast.Constant)
            and isinstance(beside.value, str)
            and not isinstance(module.parents[row], ast.Compare)
        ):
            looks = _looks(module, beside, beside.value)
            if looks != "name":
                return looks == "host"
            use = purpose(module, row)
            return use is not None and bool(set(words(use.name)) & _HOST_WORDS or _CONNECTING.match(use.callee))
    use = purpose(module, constant)
    if use is None or not use.name:
        return False
    named = words(use.name)
    if not named or named[-1] not in {"port", "ports"} or value < 10:
        return False
    if _ASSIGNED_PORTS.get(value, set()) & set(named):
        return False
    return not in_settings_class(module, constant)
