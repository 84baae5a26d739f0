"""What stays in this process: calls that only compute, and classes that can reach nothing outside."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

_METHODS = vocabulary(
    """
    append appendleft add insert extend pop popleft popitem remove discard clear update setdefault get items keys values
    copy sort reverse count index put get_nowait put_nowait format join split strip lstrip rstrip lower upper title
    encode decode startswith endswith replace isoformat hexdigest digest total_seconds timestamp strftime most_common
    acquire release notify notify_all wait set is_set locked to_bytes from_bytes hex zfill partition rpartition
    splitlines model_dump dict json tolist astype reshape sum mean min max flatten norm round rstrip move_to_end
    difference union intersection qsize empty full casefold groups group match search findall isdigit isalpha
    """
)
_CALLS = vocabulary(
    """
    len str int float bool list dict set tuple frozenset sorted min max sum any all enumerate zip range map filter next iter
    isinstance issubclass hasattr getattr setattr print repr hash ord chr round abs type bytes bytearray super super().__init__
    reversed slice id vars divmod pow object NotImplementedError ValueError KeyError TypeError RuntimeError IndexError
    deque defaultdict OrderedDict Counter
    """
)
_MODULES = frozenset(
    {
        *("collections", "copy", "datetime", "hashlib", "hmac", "itertools", "json", "math", "random", "re", "string"),
        *(
            "struct",
            "threading",
            "time",
            "uuid",
            "zlib",
            "logging",
            "functools",
            "operator",
            "secrets",
            "numpy",
            "fnmatch",
        ),
        *(
            "asyncio",
            "dataclasses",
            "typing",
            "queue",
            "bisect",
            "heapq",
            "binascii",
            "base64",
            "textwrap",
            "statistics",
        ),
    }
)
_REACHING = frozenset({"asyncio.open_connection", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"})
_REACH_WORDS = vocabulary(
    "client session connection socket producer consumer engine channel pool redis transport server process"
)
_FILES = vocabulary(
    "write_bytes write_text read_bytes read_text mkdir exists is_file unlink open write read close with_suffix"
)
"""Methods of files and paths: the disk of this machine is no service."""
_DISK = ("pathlib.", "shutil.", "os.path.", "os.makedirs", "os.remove", "pickle.", "csv.")


def computes(module: ParsedModule, call: ast.Call, own: set[str]) -> bool:
    """Whether a call stays in the process: containers, texts, numbers, the clock, a log, methods of the class itself."""
    function = call.func
    if bodies.is_log(module, call):
        return True
    name = dotted(module, function)
    if isinstance(function, ast.Attribute) and is_self(function.value):
        return function.attr in own
    if name in _CALLS or (name.partition(".")[0] in _MODULES and name not in _REACHING):
        return True
    last = name.rpartition(".")[2]
    if last.endswith(("Error", "Exception")) or (isinstance(function, ast.Name) and function.id[:1].isupper()):
        return not _REACH_WORDS.intersection(words(last))
    return isinstance(function, ast.Attribute) and function.attr in _METHODS


def stays(module: ParsedModule, owner: ast.ClassDef) -> bool:
    """Whether a class answers from its own memory, from the disk or on the screen, whatever is asked of it.

    One that has no method, or a base class that may do more, does not count.
    """
    methods = [s for s in owner.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    own = {m.name for m in methods}
    if own <= {"__init__"} or any(
        module.definitions(base) == () and not _is_plain(module, base) for base in owner.bases
    ):
        return False
    calls = [n for m in methods for s in m.body for n in ast.walk(s) if isinstance(n, ast.Call)]
    return all(computes(module, call, own) or is_file(module, call) for call in calls)


def _is_plain(module: ParsedModule, base: ast.expr) -> bool:
    return dotted(module, base).rpartition(".")[2] in {"object", "ABC", "Protocol", "Generic"}


def is_file(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a call works on a file of this machine."""
    name = dotted(module, call.func)
    return (
        name == "open" or name.startswith(_DISK) or (isinstance(call.func, ast.Attribute) and call.func.attr in _FILES)
    )


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the object or class that a method is called on."""
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}
