"""Code: every function does what it promises."""

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass

from strictreal.check import check
from strictreal.facts.behaviour import Class, Function, Placeholder, vocabulary, words
from strictreal.facts.code import Module
from strictreal.facts.patterns import PatternMatch, of_check
from strictreal.facts.unread import UnreadCommands, UnreadLanguage, UnreadPart
from strictreal.model import Facts

DECLARING = vocabulary(
    """
    overload abstractmethod abstractproperty abstractclassmethod abstractstaticmethod abstract group callback
    hookspec singledispatch singledispatchmethod generic multimethod hook extern prototype native setter deleter
    fixture signature intrinsic kernel contextmanager dispatch no_type_check type_check_only register_fake
    result_callback
    """
)
"""Decorators that make a declaration of a function: what it does stands elsewhere."""
PLAIN = vocabulary(
    """
    staticmethod classmethod wraps cache property override final get post put delete patch route websocket
    endpoint action api task command tool job activity step op flow asset field mutation query retry inject
    traced timed coroutine asyncio jit lru_cache cached_property api_view shared_task login_required
    async_to_sync
    """
)
"""Decorators under which a body means what it says; under any other an empty one may be filled by it."""
OPTIONS = vocabulary(
    """
    option argument pass_context pass_obj version_option help_option confirmation_option password_option
    """
)
"""Decorators that describe a command's arguments."""
NOTHING = vocabulary(
    """
    noop nop null nothing none ignore ignored identity pass discard devnull silent quiet void blackhole empty
    never always disabled unused skip trivial anything
    """
)
DEEDS = frozenset({"void", "discard", "empty", "skip"})
"""Words of `NOTHING` that, as the whole name of a method, are a deed: `void(payment)`."""
HOOKS = vocabulary(
    """
    on before after pre post visit depart leave handle hook hooks callback do setup teardown configure
    contribute prepare finalize init initialize extra eval
    """
)
ROLES = vocabulary(
    """
    events hooks hook callback callbacks listener observer visitor plugin delegate spec
    """
)
LIFE = vocabulary(
    """
    close flush shutdown start stop reset cleanup disconnect finish release acquire begin end open enter exit
    terminate update refresh fileno isatty rewind clear
    """
)
PEERS = vocabulary(
    """
    request req ctx context event sender signum frame args kwargs argv unused info e err error exc exception
    """
)
"""Parameters that a framework hands to every callback."""
CAPABILITIES = vocabulary("supports accepts handles needs requires should uses matches")
SETTLED = vocabulary("default constant fixed uniform unit zero zeros one ones")
"""Words of functions whose name says that they answer the same always."""
ACTS = vocabulary(
    """
    send save store publish delete charge notify upload insert persist submit sync deploy commit enqueue
    dispatch push pay refund revoke transfer email index train export process schedule archive migrate provision
    restart rebuild backup backfill restore cancel approve ingest crawl scrape
    """
)
ANSWERS = vocabulary(
    """
    get fetch load read compute predict search query find list infer transform embed retrieve validate verify
    calculate classify generate score rank encode
    """
)
LOGS = vocabulary(
    """
    log logger logging audit print warn debug trace console
    """
)
VOUCHING = vocabulary(
    """
    verify validate authenticate authorize authorise valid authorized authenticated healthy
    """
)
LENIENT = vocabulary(
    """
    allow any always open public permissive trust trusting null noop no none dummy
    """
)
ROUTING = {"db_for_read", "db_for_write", "allow_relation", "allow_migrate"}
"""Methods of a database router of Django, whose answers are settled for all models."""
FABRICATED = {"record", "numbers"}


class Family:
    """The classes of the subject: what each inherits, and who inherits from it."""

    def __init__(self, classes: Facts[Class]) -> None:
        self.at = {(c.path, c.qualname): c for c in classes}
        self.named: dict[str, list[Class]] = defaultdict(list)
        self.providers: dict[tuple[str, str], int] = defaultdict(int)
        for c in classes:
            self.named[c.name].append(c)
            for method in c.methods:
                self.providers[c.path, method] += 1
        self.heirs: dict[str, list[Class]] = defaultdict(list)
        for c in classes:
            for base in self._own_bases(c)[0]:
                self.heirs[base.path + ":" + base.qualname].append(c)

    def _own_bases(self, c: Class) -> tuple[list[Class], bool]:
        """The base classes that the subject has, and whether one is foreign."""
        found: list[Class] = []
        foreign = False
        for base in c.bases:
            module, _, name = base.rpartition(".")
            same = [k for k in self.named.get(name, []) if k is not c]
            if not module:
                known = [k for k in same if k.path == c.path] or same
            else:
                package = module.lstrip(".").partition(".")[0]
                tail = module.rpartition(".")[2]
                places = [(k, k.path.removesuffix(".py").split("/")) for k in same]
                known = [k for k, parts in places if module[0] == "." or package in parts or tail in parts[-2:]]
            found += known
            foreign |= not known
        return found, foreign

    def bases(self, c: Class) -> tuple[list[Class], bool]:
        """All base classes that the subject has, at any distance, and whether there are others."""
        found, foreign = self._own_bases(c)
        for base in found:  # grows while it is read
            more, unknown = self._own_bases(base)
            found += [b for b in more if b not in found and b is not c]
            foreign |= unknown
        return found, foreign

    def heirs_of(self, c: Class) -> list[Class]:
        """All that inherits from a class, at any distance."""
        found = list(self.heirs.get(c.path + ":" + c.qualname, []))
        for heir in found:  # grows while it is read
            found += [h for h in self.heirs.get(heir.path + ":" + heir.qualname, []) if h not in found and h is not c]
        return found


def _some(text: str, known: Set[str]) -> bool:
    return not known.isdisjoint(words(text))


def _says_nothing(f: Function) -> bool:
    """Whether function, class or module is called by a name for doing nothing: `NullHandler.emit`, `noop`."""
    stem = f.path.rpartition("/")[2].removesuffix(".py")
    if any(words(part)[:1] == ("no",) for part in f.qualname.split(".")):
        return True
    said = f"{stem}.{f.owner}" if f.owner and f.name in DEEDS and f.parameters else f"{stem}.{f.qualname}"
    return _some(said, NOTHING) or "noop" in f.qualname.replace("_", "").lower()


@dataclass(frozen=True)
class Standing:
    """Where a method stands among the classes of the subject; for a plain function all is empty."""

    owner: Class | None
    promised: bool
    """A base class leaves the method to its heirs."""
    inherited: bool
    """A base class has the method, or may have it: the subject does not show all bases."""
    overridden: bool
    heirs: bool
    alike: bool
    """Other classes of the module have a method of this name: they answer the same question, each in its way."""


def _standing(f: Function, family: Family) -> Standing:
    owner = family.at.get((f.path, f.owner)) if f.owner else None
    if owner is None:
        return Standing(None, promised=False, inherited=False, overridden=False, heirs=False, alike=False)
    bases, foreign = family.bases(owner)
    heirs = family.heirs_of(owner)
    promised = any(f.name in b.abstract_methods for b in bases)
    return Standing(
        owner,
        promised=promised,
        inherited=foreign or promised or any(f.name in b.methods for b in bases),
        overridden=any(f.name in h.methods for h in heirs),
        heirs=bool(heirs),
        alike=family.providers[f.path, f.name] > 1,
    )


def _stub(f: Function, stands: Standing) -> str:
    """Why a function is a stub, in words; "" when it is none."""
    own, owner = words(f.name), stands.owner
    marks = {d.rpartition(".")[2] for d in f.decorators}
    admitted = "placeholder" in f.says
    declares = marks & DECLARING - ({"contextmanager"} if admitted else set())
    if not own or declares or (f.name.startswith("__") and f.name.endswith("__")):
        return ""
    if f.place == "conditional":
        return ""
    if f.place == "nested" and not f.owner and not admitted and f.body != "affirms" and not _is_product(f):
        return ""
    if stands.overridden or (owner and owner.kind in {"protocol", "exception"}):
        return ""
    if f.body == "refuses":
        return _refusal(f, stands)
    if _says_nothing(f) or ("idle" in f.says and f.body in {"empty", "logs"}):
        return ""
    if admitted and not (f.value == "false" and own[0] in CAPABILITIES):
        return f"is a placeholder: {f.remark}"
    if owner and owner.kind == "abstract":
        return ""
    if f.body in {"shallow", "unchanged", "filled"}:
        return "" if stands.inherited or stands.alike or marks - PLAIN else _hollow(f)
    if f.body in {"empty", "logs"}:
        kept = stands.promised and own[0] in ACTS | ANSWERS
        if "command" in marks and not marks - PLAIN - OPTIONS and f.body == "empty" and "reason" not in f.says:
            return "is a command with an empty body"
        return "" if (stands.inherited and not kept) or stands.heirs or marks - PLAIN else _empty(f)
    return _constant(f, stands, marks)


def _is_product(f: Function) -> bool:
    """Whether a nested function is what a factory makes, by what it is called, and is not a callback."""
    own = words(f.name)
    works = own[0] in ACTS | ANSWERS or _some(f.name, VOUCHING)
    return works and not f.referred and not any(_some(part, NOTHING) for part in f.qualname.split("."))


def _refusal(f: Function, stands: Standing) -> str:
    owner = stands.owner
    if owner and f.shown == "assert False":
        return ""  # a case that cannot be, as far as the class knows
    if owner and (owner.kind == "abstract" or stands.heirs or "abstract" in f.says):
        return ""
    if owner and "placeholder" not in f.says:
        foreign = stands.inherited and not stands.promised
        if "unsupported" in f.says or (foreign and "explained" in f.says):
            return ""
    return f"is not implemented: {f.shown or 'raise NotImplementedError'} is all that it does"


def _empty(f: Function) -> str:
    own = words(f.name)
    if "reason" in f.says or f.referred or own[0] in HOOKS or _some(f.name, {"hook", "callback"}):
        return ""
    given = [p for p in f.parameters if p[0] not in "_*" and p not in PEERS]
    if _some(f.name, LIFE) and not (len(given) > 1 and words(f.owner)[-1:] in {("service",), ("repository",)}):
        return ""  # who is let go, started and stopped has no more to say; a service is asked to do it for somebody
    if _some(f.owner, ROLES):
        return ""
    if f.body == "logs":
        acts = own[0] in ACTS and not _some(f.qualname, LOGS)
        return f"does not {own[0]} anything: it only writes a line" if acts else ""
    return "has an empty body"


def _hollow(f: Function) -> str:
    """What a function of a deed's name does in place of the deed, in words."""
    own = words(f.name)
    if "reason" in f.says or _some(f.qualname, LENIENT | {"identity", "passthrough", "plain", "raw"}):
        return ""
    if f.body == "shallow":
        return f"verifies nothing: {f.shown} only asks whether something is there"
    if f.body == "unchanged":
        return f"does not {own[0]} anything: it gives back {f.shown}"
    return f"does not {own[0]} anything: its answer, {f.shown}, is filled in with what it was given"


def _constant(f: Function, stands: Standing, marks: set[str]) -> str:
    own = words(f.name)
    vouches = f.value == "true" and _some(f.name, VOUCHING) and not _some(f.qualname, LENIENT)
    if f.body == "affirms":
        return "answers True whatever its checks find" if vouches or not stands.inherited else ""
    if vouches and (f.parameters or f.owner) and not f.validates and not stands.heirs:
        return "vouches for everything: it returns True on every path"
    given = [p for p in f.parameters if p[0] not in "_*" and p not in PEERS]
    if not given:
        return ""
    ignores = f"ignores {', '.join(given)}: its answer, {f.shown}, is written in it"
    if f.value in FABRICATED and own[0] not in HOOKS:
        return ignores
    if f.validates and not f.referred and own[0] in ACTS | ANSWERS - {"validate", "verify"} and f.value != "none":
        return ignores if not stands.inherited and not stands.alike and "reason" not in f.says else ""
    if f.validates or f.referred or "reason" in f.says or stands.heirs or own[0] in HOOKS or _some(f.owner, ROLES):
        return ""
    if (
        f.name in ROUTING
        or _some(f.name, SETTLED)
        or (f.owner and own[0] in CAPABILITIES and f.value in {"true", "false"})
    ):
        return ""
    if (f.prints and f.value in {"none", "trivial"}) or marks - PLAIN:
        return ""
    if stands.inherited:
        hollow = f.shown in {"[]", "{}"} and own[0] in ANSWERS and not f.name.startswith("_")
        return ignores if stands.promised and hollow else ""
    return "" if stands.alike else ignores


@check(
    "code.stub",
    proves="Every function does what it promises: none is empty, unimplemented or answers with a literal.",
    remedy="Write the behaviour, or delete the function and what calls it; mark it abstract if subclasses provide it.",
)
def test_functions_do_what_they_promise(
    functions: Facts[Function],
    classes: Facts[Class],
    placeholders: Facts[Placeholder],
    matches: Facts[PatternMatch],
    modules: Facts[Module],
    languages: Facts[UnreadLanguage],
    commands: Facts[UnreadCommands],
    parts: Facts[UnreadPart],
):
    family = Family(classes)
    tests = {module.path for module in modules if module.role == "test"}
    for function in functions:
        if function.path not in tests and (reason := _stub(function, _standing(function, family))):
            yield function.finding(f"{function.qualname} {reason}")
    for placeholder in placeholders:
        if placeholder.path not in tests:
            yield placeholder.finding(f"a branch that does nothing: {placeholder.remark}")
    for match in of_check(matches, "code.stub", beside=[*functions, *placeholders]):
        if match.role != "test":
            yield match.finding(match.message)
