"""Claims: what the repository says of itself agrees with what is in it."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated

from msgspec.structs import replace

from strictreal.check import check
from strictreal.facts.claims import CodeClaim, DocumentClaim, Mention, Pipeline, StatusClaim, StrictClaim
from strictreal.facts.code import Module
from strictreal.model import Facts, Finding, Findings, Located

WORD = re.compile(r"\w+")
CONTRADICTED_BY = {
    "no-stubs": {"code.stub"},
    "no-mocks": {"code.fake"},
    "no-fake-data": {"code.fake"},
    "no-fallbacks": {"code.fallback"},
    "real": {"code.stub", "code.fake", "code.fallback"},
    "complete": {"code.stub"},
    "production-ready": {"code.stub", "code.fake"},
}
IN_WORDS = {
    "no-stubs": "no stubs",
    "no-mocks": "no mocks",
    "no-fake-data": "no made-up data",
    "no-fallbacks": "no silent fallbacks",
    "real": "a real implementation",
    "complete": "a complete implementation",
    "production-ready": "ready for production",
}


@check(
    "claims.done",
    proves="What documents mark as done and name is there, and is neither a stub, a fake nor a silent fallback.",
    remedy="Do the work, or take the mark back.",
)
def test_what_is_marked_done_is_there(
    claims: Facts[StatusClaim],
    hollow: Annotated[Findings, "code.stub", "code.fake", "code.fallback"],
):
    by_path = _by_path(hollow)
    for claim in claims:
        if claim.status != "done":
            continue
        for mention in claim.mentions:
            if reason := _undone(claim, mention, by_path):
                yield _about(claim, mention.text, f"marked as done, but {reason}")
        if claim.open_lines:
            count = len(claim.open_lines)
            items = "an item below it is" if count == 1 else f"{count} items below it are"
            yield claim.finding(f"marked as done, but {items} still open, the first in line {claim.open_lines[0]}")


def _about(claim: Located, subject: str, message: str) -> Finding:
    """A finding about one of several things that a line says; named, so that each keeps its own identity."""
    found = claim.finding(message)
    return replace(found, where=replace(found.where, resource=subject))


def _undone(claim: StatusClaim, mention: Mention, hollow: dict[str, list[Finding]]) -> str:
    """Why what a done item names is not done, in words; "" when nothing speaks against it."""
    if mention.kind != "symbol" and mention.role in {"made", "within", "touched"} and not mention.found:
        return f"{mention.text} is not in the repository"
    if mention.kind != "symbol" and mention.role == "removed" and mention.exact:
        return f"{mention.text}, which it says is gone, is still there"
    if mention.role not in {"made", "within"} or len(mention.found) != 1:
        return ""
    found = hollow.get(mention.found[0], [])
    # "Implement `get` in `cache.py`" speaks of `get` and not of all that the module holds.
    names = {m.text.rpartition(".")[2] for m in claim.mentions if m.kind == "symbol"}
    if mention.role == "within" and names:
        found = [f for f in found if not names.isdisjoint(WORD.findall(f"{f.message} {f.where.text}"))]
    return f"{mention.text} is not what it seems: {_first_of(found)}" if found else ""


@check(
    "claims.contradicted",
    proves="No sentence such as “no stubs” or “fully implemented” is contradicted by the code that it speaks of.",
    remedy="Make the sentence true, or delete it.",
)
def test_no_sentence_is_contradicted_by_the_code(
    in_code: Facts[CodeClaim],
    in_documents: Facts[DocumentClaim],
    modules: Facts[Module],
    hollow: Annotated[Findings, "code.stub", "code.fake", "code.fallback"],
):
    roles = {module.path: module.role for module in modules}
    by_path = _by_path(hollow)
    for claim in in_code:
        places = [claim.covers] if not claim.covers.endswith("/") else _below(claim.covers, by_path)
        found = [f for path in places for f in by_path.get(path, ()) if _in_lines(claim, f)]
        yield from _contradicted(claim, found)
    for claim in in_documents:
        paths = {path for place in claim.covers for path in _below(place, by_path)}
        found = [f for path in sorted(paths) if _speaks_of(claim, path, roles) for f in by_path[path]]
        yield from _contradicted(claim, found)


def _contradicted(claim: CodeClaim | DocumentClaim, found: list[Finding]) -> Iterable[Finding]:
    for says in claim.says:
        against = [finding for finding in found if finding.check in CONTRADICTED_BY[says]]
        if against:
            yield _about(claim, IN_WORDS[says], f"claims {IN_WORDS[says]}, contradicted by {_first_of(against)}")


def _in_lines(claim: CodeClaim, finding: Finding) -> bool:
    return not claim.first_line or claim.first_line <= finding.where.line <= claim.last_line


def _speaks_of(claim: DocumentClaim, path: str, roles: dict[str, str]) -> bool:
    """Whether a document's sentence means this file: tests by name, or the product unless it names the file itself."""
    role = roles.get(path, "product")
    if claim.within:
        kind = "" if claim.within == "tests" else claim.within
        return role == "test" and kind in path.lower()
    if path in claim.covers:
        return True
    return role == "product" or (role == "test" and "no-mocks" in claim.says)


def _by_path(findings: Findings) -> dict[str, list[Finding]]:
    """Findings that nobody has waived: an approved exception is no lie."""
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if not finding.waived:
            by_path[finding.where.path].append(finding)
    return by_path


def _below(place: str, by_path: dict[str, list[Finding]]) -> list[str]:
    """The paths with findings that a file or a folder with its final slash stands for."""
    if not place.endswith("/"):
        return [place] if place in by_path else []
    return [path for path in by_path if place == "/" or path.startswith(place)]


def _first_of(found: list[Finding]) -> str:
    first = min(found, key=lambda f: (f.where.path, f.where.line))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{first.check} at {first.where.path}:{first.where.line}: {first.message}{more}"


@check(
    "claims.strict",
    proves="Where a workflow says that it runs in strict mode, nothing in the repository evades strict mode.",
    remedy="Mend what evades strict mode; the workflow's word is worth nothing while it stands.",
)
def test_workflows_that_claim_strict_mode_are_not_evaded(
    claims: Facts[StrictClaim],
    pipelines: Facts[Pipeline],
    evaded: Annotated[Findings, "strict.evaded"],
):
    standing = [finding for finding in evaded if not finding.waived]
    for claim in claims:
        if standing:
            yield claim.finding(f"claims strict mode by {claim.variable}, evaded by {_first_of(standing)}")
