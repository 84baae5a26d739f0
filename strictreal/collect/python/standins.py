"""Stand-ins by name: the libraries that make them, the words that classes are called by, and how one is recorded."""

from __future__ import annotations

import ast
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, vocabulary, words

Kind = Literal["mock", "patch", "service", "double", "import", "random", "invented", "legacy", "in-process", "hashed"]

MOCKS = vocabulary(
    """
    unittest.mock mock pytest_mock asynctest mockito flexmock doublex fudge mox mox3 minimock pretend dingus
    aiounittest.mock decoy mockextras kgb
    sqlalchemy.create_mock_engine testfixtures.Replacer testfixtures.Replace testfixtures.MockPopen
    """
)
"""Libraries, and members of libraries, that replace collaborators by objects which answer as they are told."""
SERVICES = vocabulary(
    """
    fakeredis birdisle mockredis mongomock mongomock_motor pymongo_inmemory moto mockfirestore mock_alchemy
    alchemy_mock elasticmock openmock mockafka responses requests_mock httpretty respx aioresponses pytest_httpx
    mocket pook httpx.MockTransport botocore.stub grpc_testing pyfakefs pytest_subprocess vcr betamax
    pytest_recording pytest_vcr pytest_responses httmock aresponses mockupdb placebo wiremock mbtest pretenders
    pytest_httpserver pytest_localserver mockserver http_server_mock pytest_mock_resources
    fakeldap mockldap ldap3.MOCK_SYNC ldap3.MOCK_ASYNC requests_mock_flask aiomoto pact fake_winreg
    langchain_core.language_models.fake langchain_core.language_models.fake_chat_models langchain_core.embeddings.fake
    llama_index.core.llms.mock llama_index.core.embeddings.mock_embed_model langchain.llms.fake
    langchain.chat_models.fake
    langchain_community.llms.fake langchain_community.chat_models.fake langchain_community.embeddings.fake
    """
)
"""Libraries that play a service, a transport, a disk or a model; recordings that are played back count too."""
INVENTORS = vocabulary("faker mimesis factory.Faker factory.faker model_bakery mixer polyfactory")
"""Libraries that make records up."""
HARMLESS = frozenset({"ANY", "sentinel", "DEFAULT", "FILTER_DIR", "call"})
"""Members of unittest.mock that replace nothing."""
FIXTURES = {
    "requests_mock": "requests_mock",
    "httpx_mock": "pytest_httpx",
    "respx_mock": "respx",
    "mocked_responses": "responses",
    "betamax_session": "betamax",
    "vcr_cassette": "pytest_vcr",
    "fake_process": "pytest_subprocess",
    "fakeredis": "fakeredis",
    "aioresponses": "aioresponses",
    "mock_aioresponse": "aioresponses",
    "aresponses": "aresponses",
    "httpretty": "httpretty",
    "moto_server": "moto",
    "requests_mocker": "requests_mock",
    "httpserver": "pytest_httpserver",
}
"""Fixtures of pytest plugins that play a service, and the library behind each."""
LEGACY = frozenset({"record_stub", "_GLOBAL_PAYLOADS", "mirror_append", "in_process_stub"})
"""Names that stand-ins had before they were banned."""
DOUBLING = frozenset(
    {"fake", "mock", "stub", "dummy", "spy", "bogus", "canned", "faux", "phony", "pretend", "simulated", "scripted"}
)
_HOLDERS = frozenset(
    ".".join(parts[:length])
    for parts in (name.split(".") for name in (*MOCKS, *SERVICES, *INVENTORS))
    for length in range(1, len(parts))
)
_LONGEST = 4
"""How many parts of a dotted name a library's name takes at most."""


def holds_library(name: str) -> bool:
    """Whether a module of this name has a stand-in among its members: `httpx`, `botocore`."""
    return name in _HOLDERS


def library(name: str) -> Kind | None:
    """What kind of library a fully qualified name belongs to; None for every other."""
    parts = name.split(".", _LONGEST)
    for length in range(1, min(len(parts), _LONGEST) + 1):
        head = ".".join(parts[:length])
        if head in MOCKS:
            return "mock"
        if head in SERVICES:
            return "service"
        if head in INVENTORS:
            return "invented"
    return None


def harmless(name: str) -> bool:
    """Whether a member of unittest.mock replaces nothing: `ANY`, `sentinel`, `call`."""
    head, _, rest = name.partition("mock.")
    return head in {"", "unittest."} and rest.partition(".")[0] in HARMLESS


def doubling(identifier: str) -> bool:
    """Whether one of an identifier's words says that it stands in for something."""
    return not DOUBLING.isdisjoint(words(identifier))


def is_double_name(name: str) -> bool:
    """Whether the last part of a dotted name is a class name that says that it stands in, or lives in memory only."""
    last = name.rpartition(".")[2]
    named = last.lstrip("_")[:1].isupper() and not last.isupper()
    return named and (doubling(last) or words(last)[:2] == ("in", "memory"))


def record(module: ParsedModule, node: ast.AST, kind: Kind, name: str, detail: str = "") -> Fake:
    """The fact of one stand-in that is used or made at a node."""
    around = bodies.enclosing(module, node)
    function = bodies.qualname(module, around) if around else ""
    return Fake(where=module.at(node), kind=kind, name=name, detail=detail, function=function)


def for_types_only(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a node stands under `if TYPE_CHECKING:`."""
    current: ast.AST | None = node
    while current is not None:
        if isinstance(current, ast.If) and bodies.dotted(module, current.test).endswith("TYPE_CHECKING"):
            return True
        current = module.parents.get(current)
    return False
