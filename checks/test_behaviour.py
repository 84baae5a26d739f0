"""Code: nothing that only looks real. Stubs, fakes, and errors that nobody hears of."""

from collections import defaultdict

from strictreal.check import check
from strictreal.facts.behaviour import Class, Function, Placeholder, in_tests, words
from strictreal.model import Facts

# -- stubs: what excuses a function that does nothing ----------------------------------------------------------------

DECLARING = {"overload", "abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"}
DECLARING |= {"group", "callback", "hookspec", "singledispatch", "singledispatchmethod", "generic", "multimethod"}
DECLARING |= {"extern", "prototype", "native", "no_type_check", "setter", "deleter", "type_check_only", "context_processor"}
DECLARING |= {"result_callback", "signature", "intrinsic", "kernel", "register_fake", "abstract", "hook", "fixture"}
PLAIN = {"staticmethod", "classmethod", "wraps", "lru_cache", "cache", "property", "cached_property", "override", "final"}
NOTHING = {"noop", "nop", "null", "nothing", "none", "ignore", "ignored", "identity", "pass", "discard", "devnull", "silent"}
NOTHING |= {"quiet", "void", "blackhole", "empty", "no", "never", "always", "disabled", "unused", "skip", "trivial", "anything"}
HOOKS = {"on", "before", "after", "pre", "post", "visit", "depart", "handle", "hook", "callback", "listener", "observer"}
HOOKS |= {"setup", "teardown", "configure", "contribute", "prepare", "finalize", "init", "initialize", "extra", "process"}
LIFE = {"close", "flush", "shutdown", "start", "stop", "reset", "cleanup", "disconnect", "finish", "release", "acquire", "join"}
LIFE |= {"begin", "end", "open", "enter", "exit", "terminate", "update", "refresh", "fileno", "isatty", "rewind", "clear"}
PEERS = {"request", "req", "ctx", "context", "event", "sender", "signum", "frame", "args", "kwargs", "argv", "unused", "info"}
ACTS = {"send", "save", "store", "publish", "delete", "charge", "notify", "write", "upload", "create", "insert", "persist"}
ACTS |= {"submit", "sync", "deploy", "commit", "enqueue", "dispatch", "push", "pay", "refund", "revoke", "register"}
LOGS = {"log", "logger", "logging", "audit", "print", "report", "warn", "debug", "trace", "console"}
VOUCHING = {"verify", "validate", "authenticate", "authorize", "authorise", "valid", "authorized", "authenticated", "healthy"}
LENIENT = {"allow", "any", "always", "open", "public", "permissive", "trust", "trusting", "null", "noop", "no", "none", "anonymous"}


class Family:
    """Classes of the subject by name, and who inherits from whom."""

    def __init__(self, classes: Facts[Class]) -> None:
        self.named: dict[str, list[Class]] = defaultdict(list)
        self.at = {(c.path, c.qualname): c for c in classes}
        self.heirs: dict[str, list[Class]] = defaultdict(list)
        for c in classes:
            self.named[c.name].append(c)
            for base in c.bases:
                self.heirs[base.rpartition(".")[2]].append(c)

    def bases(self, c: Class) -> tuple[list[Class], bool]:
        """All that a class inherits from within the subject, and whether there is more that the subject does not show."""
        found: list[Class] = []
        foreign = False
        left = [c]
        while left:
            for base in left.pop().bases:
                known = self.named.get(base.rpartition(".")[2], [])
                foreign |= not known
                fresh = [b for b in known if b is not c and b not in found]
                found += fresh
                left += fresh
        return found, foreign

    def heirs_of(self, c: Class) -> list[Class]:
        """All that inherits from a class, at any distance."""
        found: list[Class] = []
        left = [c]
        while left:
            fresh = [h for h in self.heirs.get(left.pop().name, []) if h is not c and h not in found]
            found += fresh
            left += fresh
        return found


def _some(text: str, vocabulary: set[str]) -> bool:
    return not vocabulary.isdisjoint(words(text))


def _stub(f: Function, family: Family) -> str:
    """Why a function is a stub, in words; "" when it is none."""
    marks = {d.rpartition(".")[2] for d in f.decorators}
    if in_tests(f.path) or marks & DECLARING or (f.name.startswith("__") and f.name.endswith("__")):
        return ""
    owner = family.at.get((f.path, f.owner)) if f.owner else None
    if owner and owner.kind in {"protocol", "exception"}:
        return ""
    admitted = "placeholder" in f.says
    if f.place == "conditional" or (f.place == "nested" and not admitted):
        return ""
    bases, foreign = family.bases(owner) if owner else ([], False)
    heirs = family.heirs_of(owner) if owner else []
    if f.name in (owner.abstract_methods if owner else ()) and (heirs or owner.kind == "abstract"):
        return ""
    if f.body == "refuses":
        return _refusing(f, owner, bases, foreign, heirs)
    overridden = any(f.name in h.methods for h in heirs)
    if overridden or (owner and owner.kind == "abstract" and not admitted):
        return ""
    if admitted and f.body in {"empty", "logs", "constant", "echo"}:
        return f"a placeholder stands for the behaviour: {f.remark}"
    promised = any(f.name in b.abstract_methods for b in bases)
    overrides = not promised and (foreign or any(f.name in b.methods for b in bases))
    if _some(f.qualname, NOTHING) or (marks - PLAIN and f.body != "affirms" and not admitted):
        return ""
    given = [p for p in f.parameters if p.strip("*").strip("_") not in PEERS | {""} and p[0] not in "_*"]
    if f.body in {"empty", "logs"}:
        return _empty(f, bool(owner), overrides, given)
    return _constant(f, marks, overrides, given, bool(owner))


def _refusing(f, owner, bases, foreign, heirs):
    if "abstract" in f.says or (owner and (owner.kind == "abstract" or heirs)):
        return ""
    overrides = foreign or any(f.name in b.methods for b in bases)
    if overrides and "unsupported" in f.says:
        return ""
    return "raises NotImplementedError and nothing else"


def _empty(f, method, overrides, given):
    if overrides or "reason" in f.says or f.referred:
        return ""
    if words(f.name) and (words(f.name)[0] in HOOKS or _some(f.name, LIFE)):
        return ""
    if f.body == "logs":
        return "only writes a log line" if _some(f.name, ACTS) and not (f.prints or _some(f.qualname, LOGS)) else ""
    return "has an empty body"


def _constant(f, marks, overrides, given, method):
    vouches = f.value == "true" and _some(f.name, VOUCHING) and not _some(f.qualname, LENIENT)
    if f.body == "affirms":
        return "answers True whatever its checks find" if not overrides or vouches else ""
    if vouches and (f.parameters or method) and not f.validates:
        return "vouches for everything: it returns True on every path"
    if not given or marks & {"property", "cached_property"}:
        return ""
    if f.validates and f.value not in {"data"}:
        return ""
    if f.prints and f.value in {"none", "trivial"}:
        return ""
    if overrides and f.value != "data":
        return ""
    if f.referred and f.value != "data":
        return ""
    if "reason" in f.says and f.value != "data":
        return ""
    return f"ignores {', '.join(given)}: the answer {f.shown} is written in the body"


@check(
    "code.stub",
    proves="Every function does what it promises: none is empty, unimplemented or answers with a literal.",
    remedy="Write the behaviour, or delete the function and what calls it; mark it abstract if subclasses must provide it.",
)
def test_functions_do_what_they_promise(
    functions: Facts[Function], classes: Facts[Class], placeholders: Facts[Placeholder]
):
    family = Family(classes)
    for function in functions:
        if reason := _stub(function, family):
            yield function.finding(f"{function.qualname} {reason}")
    for placeholder in placeholders:
        if not in_tests(placeholder.path):
            yield placeholder.finding(f"a branch that does nothing: {placeholder.remark}")
