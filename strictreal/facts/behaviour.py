"""What collectors see of code that may only look real: hollow functions, stand-ins, and errors that nobody hears of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from strictreal.model import Located

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=65536)
def words(identifier: str) -> tuple[str, ...]:
    """The words of an identifier in lower case: `InMemoryRedisClient` → in, memory, redis, client."""
    return tuple(word.lower() for word in _WORD.findall(identifier))


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, separated by white space: how word lists are written."""
    return frozenset(text.split())


Body = Literal["empty", "logs", "refuses", "constant", "affirms", "echo", "shallow", "unchanged", "filled"]
Place = Literal["module", "class", "nested", "conditional"]
Says = Literal["placeholder", "reason", "idle", "abstract", "unsupported", "explained"]
Value = Literal["", "none", "true", "false", "trivial", "symbol", "text", "record", "numbers"]


class Class(Located, frozen=True, kw_only=True):
    """One class outside of tests: what a method may inherit, and who inherits from it."""

    unit = "Module"
    qualname: str
    bases: tuple[str, ...] = ()
    """Fully qualified where imports tell, else as written; `object`, `Generic[…]` and the like left out."""
    methods: tuple[str, ...] = ()
    abstract_methods: tuple[str, ...] = ()
    """Those marked abstract, or that do nothing but raise NotImplementedError."""
    kind: Literal["concrete", "abstract", "protocol", "exception"] = "concrete"
    """What the class says of itself, by bases, metaclass, marked methods, name or docstring."""

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]


class Function(Located, frozen=True, kw_only=True):
    """One function whose body does nothing, or gives an answer that is written in it."""

    unit = "Module"
    qualname: str
    owner: str = ""
    """Qualified name of the class that it is a method of; "" for a plain function."""
    place: Place = "module"
    """Nested in a function, or defined in one branch of an `if` or `try`."""
    body: Body
    """`empty`: pass, … or a docstring; `logs`: nothing but log lines; `refuses`: raises NotImplementedError;
    `constant`: the same literal on every path; `affirms`: works, but answers True whatever comes out; `echo`: builds
    its answer from its arguments and literals alone, and a remark calls it a placeholder; `shallow`: is called a
    verification and asks only whether its arguments are there; `unchanged`: is called a transformation and gives its
    argument back; `filled`: is called a deed or a search, and answers literals with its arguments put in."""
    value: Value = ""
    """What it answers. `trivial`: 0, 1, "" or an empty collection; `symbol`: one word or number; `text`: a phrase or a
    few words; `record`: several named fields; `numbers`: a collection of numbers."""
    shown: str = ""
    """The answer as source text, redacted, at most 60 characters."""
    parameters: tuple[str, ...] = ()
    """Without the first one of a method."""
    prints: bool = False
    validates: bool = False
    """An argument is examined before the answer, by `if …: raise` or `assert`."""
    decorators: tuple[str, ...] = ()
    referred: bool = False
    """The module hands the function on as a value, as one does with callbacks."""
    says: tuple[Says, ...] = ()
    """What docstring, comments and message say of the body: that it plays a part only, why it may be so, that it does
    nothing on purpose, that subclasses provide it, that it cannot be had; `explained`: the refusal's message is a
    sentence that does not speak of work to come."""
    remark: str = ""
    """The comment or docstring line that calls it a placeholder, redacted."""

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualname.rpartition(".")[2]


class Placeholder(Located, frozen=True, kw_only=True):
    """A branch or loop body that does nothing, with a comment that says what is missing."""

    unit = "Module"
    function: str = ""
    remark: str


class Fake(Located, frozen=True, kw_only=True):
    """Something that stands where a real collaborator or real data belongs."""

    unit = "Module"
    kind: Literal[
        "mock", "patch", "service", "double", "import", "random", "invented", "legacy", "in-process", "hashed"
    ]
    """`mock`: a mock library; `patch`: behaviour replaced in place; `service`: a library that plays a service;
    `double`: a class named a stand-in; `random`: random numbers under a name of data; `invented`: made-up records;
    `legacy`: a name under which this project's stand-ins were known; `in-process`: a class or function that works in
    its own memory alone, `detail` says where; `hashed`: an embedding that is computed from a hash, named by `detail`."""
    name: str
    """What was used, fully qualified where imports tell."""
    detail: str = ""
    bases: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    function: str = ""
    """Qualified name of the function around it."""
    labels: tuple[str, ...] = ()
    """For random numbers: the keys, fields and attributes among the names in `detail`; local variables left out."""
    sentences: bool = False
    """For random picks: what is picked among are sentences that are written in the code."""
    ignores: bool = False
    """For random numbers: the function around takes arguments, beside the first one of a method, and uses none."""
    exposed: bool = False
    """For random numbers: the function around answers requests from outside."""
    passed_on: tuple[str, ...] = ()
    """For random numbers that a function only returns: the names under which its callers in the module hand them on."""


Ending = Literal["passes", "returns", "assigns", "defines", "continues", "substitutes", "keeps", "discards"]
Context = Literal["cleanup", "retried", "loud at use", "answers", "representation", "boundary"]


class Handler(Located, frozen=True, kw_only=True):
    """One `except` clause or `suppress` that ends an error without raising, exiting or handing it on."""

    unit = "Module"
    catches: tuple[str, ...] = ()
    """Fully qualified where imports tell; empty for a bare `except:`."""
    breadth: Literal["everything", "service", "import", "other"]
    """`everything`: bare, Exception or BaseException; `service`: another process could not be reached or failed;
    `import`: a module that is missing; `other`: any other error, where a stand-in takes over."""
    ends: Ending
    """What takes the place of the result: nothing, a default that is returned or assigned, a function or class defined
    here, the next round of a loop; `substitutes`: another object or call does the work; `keeps`: what was to be sent
    stays in this process or on its disk; `discards`: the construct itself takes every error away."""
    value: Value = ""
    """How much the default says; "" for one that is computed or a variable."""
    shown: str = ""
    """What is returned, assigned, defined or called instead, as source text, redacted, at most 60 characters."""
    logged: bool = False
    function: str = ""
    modules: tuple[str, ...] = ()
    """For a missing module: what the `try` imports."""
    context: tuple[Context, ...] = ()
    """What is around it. `cleanup`: something is being released; `retried`: the same is tried again, and in the end a
    failure shows; `loud at use`: whoever needs the missing module gets an exception; `answers`: the function asks
    whether it works; `representation`: a text for people; `boundary`: a logged loop that outlives each of its items."""
    local: bool = False
    """What takes over does the work of the service in this process."""


class Substitute(Located, frozen=True, kw_only=True):
    """Another object that is chosen by a condition, without any exception, where a service, module or program is not."""

    unit = "Module"
    absent: Literal["client", "reach", "program", "address", "answer", "member", "secret", "device", "weights"]
    """What is not there: an object by which a service is called; a service that answers; a module or program that is
    installed; the address of a service, or the key to it; a response or an exit status that is good; what is looked up by
    name in a module or a table; a secret; a device that was asked for by name; the file with a model's weights."""
    instead: str
    """The condition as source text, redacted, at most 60 characters."""
    shown: str
    """What is taken in its place, as source text, redacted, at most 60 characters."""
    value: Value = ""
    """How much it says where it is a literal."""
    function: str = ""
