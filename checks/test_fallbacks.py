"""Code: what fails is heard of."""

from strictreal.check import check
from strictreal.facts.behaviour import Handler, Substitute, vocabulary, words
from strictreal.facts.patterns import PatternMatch, of_check
from strictreal.facts.unread import UnreadCommands, UnreadLanguage, UnreadPart
from strictreal.model import Facts

LOCAL = vocabulary(
    """
    local cache cached fallback memory stub mock fake dummy default defaults offline stale simple null noop
    backup placeholder static empty in simulate simulated synthetic canned hardcoded sample demo random
    bundled naive heuristic snapshot locally keyword approximate estimate hash hashlib previous
    regex rule rules brute lexical tf tfidf bm manual guess standalone environ getenv sqlite nullcontext
    """
)
READING = (" open(", ".open(", ".read_text(", ".read_bytes(", "json.load(", "pickle.load(", "sqlite3.connect(")
"""Calls by which a file of the own disk answers."""
ASKED = {"not", "is", "in"}
"""Operators in a condition that does not only name what may be missing."""
ASKING = vocabulary("is has can ping exists check probe health healthy test available verify version validate")
EXCUSES = {"cleanup": {"passes", "continues", "returns", "assigns"}, "retried": {"passes", "continues", "assigns"}}
EXCUSES |= {"loud at use": {"passes", "assigns", "defines", "substitutes"}, "answers": {"returns", "assigns"}}
EXCUSES |= {
    "representation": {"returns", "assigns", "substitutes", "passes"},
    "boundary": {"passes", "continues", "assigns"},
}


def _silence(handler: Handler) -> str:
    """What a handler hides, in words; "" when silence is right."""
    excused = any(handler.ends in EXCUSES[context] for context in handler.context)
    if excused and ("cleanup" not in handler.context or handler.value in {"", "none", "true", "false"}):
        return ""
    caught = ", ".join(name.rpartition(".")[2] for name in handler.catches) or "every exception"
    if handler.breadth == "import":
        return _missing(handler)
    if handler.ends == "discards":
        return f"{handler.shown}: every error that passes here is lost"
    if handler.ends == "keeps":
        return f"{caught}: {handler.shown} keeps here what was meant for the service"
    if handler.ends == "substitutes":
        local = not LOCAL.isdisjoint(words(handler.shown)) or handler.shown in {"dict()", "list()", "set()"}
        local |= handler.local or any(reading in f" {handler.shown}" for reading in READING)
        return f"{caught}: {handler.shown} takes over in silence" if local else ""
    if handler.ends in {"passes", "continues"}:
        kept = " but for a log line" if handler.logged else ""
        return f"{caught}: the error is swallowed{kept}"
    verb = "is returned" if handler.ends == "returns" else "is assigned"
    if handler.ends == "defines":
        return f"{caught}: {handler.shown} is defined in its place"
    kept = ", after a log line" if handler.logged else ""
    return f"{caught}: {handler.shown} {verb} instead{kept}"


def _missing(handler: Handler) -> str:
    modules = ", ".join(handler.modules)
    if handler.ends == "defines":
        return f"without {modules}, {handler.shown} is defined here in its place"
    if handler.ends in {"passes", "continues"}:
        return f"without {modules}, the code goes on in silence"
    return f"without {modules}, {handler.shown} takes its place in silence"


def _chosen(substitute: Substitute) -> str:
    """What takes over without an exception, in words; "" where the function only asks."""
    own = words(substitute.function.rpartition(".")[2])
    if own and not ASKING.isdisjoint((own[0], own[-1])) and substitute.value in {"none", "trivial"}:
        return ""
    named = substitute.absent in {"client", "address", "member", "secret"} and not ASKED.intersection(
        substitute.instead.split()
    )
    asked = "where there is no" if named else "depending on"
    if substitute.value == "none":
        return f"nothing is done, and nobody hears of it, {asked} {substitute.instead}"
    return f"{substitute.shown} takes over in silence, {asked} {substitute.instead}"


@check(
    "code.fallback",
    proves="No error is swallowed, and nothing local takes the place of a service or module that is missing.",
    remedy="Let the error rise, or raise one that says what is missing; declare the dependency as required.",
)
def test_failures_are_heard_of(
    handlers: Facts[Handler],
    substitutes: Facts[Substitute],
    matches: Facts[PatternMatch],
    languages: Facts[UnreadLanguage],
    commands: Facts[UnreadCommands],
    parts: Facts[UnreadPart],
):
    for handler in handlers:
        if silence := _silence(handler):
            yield handler.finding(silence)
    for substitute in substitutes:
        if choice := _chosen(substitute):
            yield substitute.finding(choice)
    others = [match for match in matches if match.language != "python"]  # its syntax tree tells more
    for match in of_check(others, "code.fallback"):
        yield match.finding(match.message)
