"""Files, folders and symbols that an item of a document names, and what the sentence does with each of them.

`Add a.py`, `update a.py` and `rename b.py to a.py` say that a.py is there; `remove a.py` says that it is not; `reads a.py`,
`instead of a.py` and `e.g. a.py` say neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from strictreal.collect.prose.blocks import CODE, END, spans
from strictreal.facts.claims import Mention, Role

MAX_MENTIONS = 60
"""Of one item; one with more is a list of files, and the rest of it is passed over."""
_EXTENSIONS = frozenset(
    """
    avsc bash bat c cc cfg cmake conf cpp cs css csv cue dart dockerfile env-example ex exs go gradle graphql groovy h hcl
    hpp html in ini ipynb j2 java jinja jinja2 js json json5 jsonl jsx kt kts less lock lua m4 md mdx mjs mk nix parquet
    php pl plist po proto ps1 py pyi pyx r rb rego rs rst sass scala scss sh sol sql sum svelte svg swift tf tfvars thrift
    tmpl toml tpl ts tsv tsx txt vue xml yaml yml zig zsh
    """.split()
)
_ATTRIBUTES = frozenset("c h r in po ex sum lock conf text m4 mk cue d sol less".split())
_PRODUCTS = {"node", "d3", "three", "vue", "next", "ember", "backbone"}
_BARE_NAMES = frozenset(
    "makefile dockerfile jenkinsfile procfile justfile vagrantfile tiltfile codeowners containerfile".split()
)
_PATH = re.compile(r"(?:\.{1,2}/)*[\w@.+-]+(?:/[\w@.+*{},-]+)*/?")
_IN_PROSE = re.compile(r"(?<![\w/.:@\-\\<{$~])(?:\./)?(?:[\w.+-]{1,80}/){1,12}[\w.+-]{1,80}\.[A-Za-z0-9]{1,10}(?![\w/:\-{>])")
_SYMBOL = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(\))?")
_BRACES = re.compile(r"\{([\w.+-]+(?:,[\w.+-]+)+)\}")
_PLACEHOLDER = re.compile(r"[<>$%]|\.\.\.|…|\bpath/to\b|\byour[-_]|\bfoo\b|\bbar\b|\bxxx\b|\bexample\.\w+$|\{\w*\}", re.IGNORECASE)
_OUTWARD = re.compile(r"^(?:[/~\\]|[A-Za-z]:\\|\w+://|www\.)")
_SUFFIX = re.compile(r"(?:::[\w\[\]:.-]+|:\d+(?:[-:]\d+)?|#[\w-]+|\(\))$")
_HYPHENS = dict.fromkeys(map(ord, "‐‑‒"), "-")


def mentions(text: str, links: list[str]) -> tuple[Mention, ...]:
    """What a block's text names, unresolved, in order; links to files of the repository last."""
    found: dict[tuple[str, str], Mention] = {}
    for word, role in _roles(text):
        for named in _named(word):
            found.setdefault((named.kind, named.text), Mention(text=named.text, kind=named.kind, role=role))
    for link in links:
        target = link.split("#")[0].split("?")[0]
        if target and not target.endswith((".html", ".htm")) and _is_file(target):
            found.setdefault(("file", target), Mention(text=target, kind="file", role="touched"))
    return tuple(found.values())[:MAX_MENTIONS]


def _named(code: str) -> Iterator[Mention]:
    """The paths or the symbol that a code span or a word of prose names; nothing for commands and placeholders."""
    text = code.strip().translate(_HYPHENS).rstrip(",;:")
    if not text or len(text) > 300 or _PLACEHOLDER.search(text) or _OUTWARD.match(text):
        return
    called = text.endswith("()")
    text = _SUFFIX.sub("", text)
    if " " in text or "*" in text.replace("*.", "").replace("/*", ""):
        return
    braces = _BRACES.search(text)
    options = braces.group(1).split(",") if braces else [""]
    for option in options[:20]:
        path = text[: braces.start()] + option + text[braces.end() :] if braces else text
        if not _PATH.fullmatch(path):
            continue
        if path.endswith("/") and path.strip("./"):
            yield Mention(text=path, kind="folder", role="aside")
        elif not called and _is_file(path):
            yield Mention(text=path, kind="file", role="aside")
        elif _SYMBOL.fullmatch(path):
            yield Mention(text=path.removesuffix("()"), kind="symbol", role="aside")


def _is_file(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name.lower() in _BARE_NAMES
    if not stem or "*" in name or extension.lower() not in _EXTENSIONS:
        return False
    if "/" in path:
        return True
    # Without a folder, `np.sum` and `self.lock` are attributes, `node.js` and `Vue.js` are products.
    return extension not in _ATTRIBUTES and not (extension == "js" and (stem[:1].isupper() or stem in _PRODUCTS))


# -- what the sentence does with a name -----------------------------------------------------------------------------------

_TOKEN = re.compile(rf"{CODE}(?P<code>[^{END}]*){END}|(?P<word>[A-Za-z][\w'’-]*|\d+)|(?P<mark>→|->|=>|—>|[^\s\w])")
_MAKING = frozenset(
    """
    add adds added adding create creates created creating implement implements implemented implementing write wrote written
    author authored introduce introduces introduced scaffold scaffolded build built define defines defined provide provides
    provided setup ship shipped land landed publish published bootstrap bootstrapped deliver delivered develop developed
    draft drafted commit committed new
    """.split()
)
_TOUCHING = frozenset(
    """
    update updates updated refactor refactors refactored extend extends extended fix fixes fixed modify modified change
    changed changes wire wired wires document documented documents integrate integrated configure configured annotate
    annotated cover covered improve improved adjust adjusted link linked enable enabled expose exposed review reviewed
    harden hardened rewrite rewrote rewritten append appended simplify simplified patch patched bump bumped tune tuned
    """.split()
)
_REMOVING = frozenset(
    """
    remove removes removed removing delete deletes deleted deleting drop drops dropped retire retired purge purged eliminate
    eliminated decommission decommissioned strip stripped untrack untracked exclude excluded gitignore ignore ignored
    deprecate deprecated supersede superseded archive archived obsolete revert reverted undo kill killed
    """.split()
)
_MOVING = frozenset(
    """
    rename renames renamed renaming move moves moved moving migrate migrated replace replaces replaced replacing convert
    converted port ported merge merged fold folded split extract extracted relocate relocated consolidate consolidated
    inline inlined swap swapped switch switched transition transform transformed
    """.split()
)
_PASSING = frozenset(
    """
    read reads reading load loads loading parse parses output outputs emit emits generate generates generated generating
    produce produces produced export exports exported save saves saved store stores stored log logs logged download
    downloads upload uploads fetch fetches support supports supported accept accepts detect detects recognise recognize
    handle handles copy copies copied install installs print prints skip skips allow allows when if unless instead rather
    unlike without not never no like e.g such similar was formerly previously old legacy former ignoring missing lacks
    need needs any every other against reset dump dumps render renders rendered serialize serialise
    """.split()
)
_TARGETS = {"to", "into", "with", "by", "onto", "→", "->", "=>", "—>", "as", "in", "favor", "favour"}
_PLACES = {"from", "in", "of", "inside", "within", "for", "under", "on", "across", "at", "around", "between"}
_FILLERS = {"the", "old", "legacy", "file", "files", "module", "modules", "unused", "dead", "obsolete", "and", ",", "script"}
_STOPS = {".", ";", "!", "?", "|", "(", ")", "–", "—"}
_AUXILIARIES = {"is", "are", "was", "were", "has", "have", "been", "now", "be", "fully", "already", "file", ")"}


@dataclass(frozen=True)
class _Token:
    text: str
    code: bool


def _roles(text: str) -> Iterator[tuple[str, Role]]:
    """Each code span, and each path written plainly, with what the words around it do with it."""
    bare = {match.start(): match.end() for match in _IN_PROSE.finditer(_without_code(text))}
    tokens: list[_Token] = []
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() < position:
            continue
        if match.start() in bare:
            position = bare[match.start()]
            tokens.append(_Token(text[match.start() : position], True))
        elif match["code"] is not None:
            tokens.append(_Token(match["code"], True))
        else:
            tokens.append(_Token((match["word"] or match["mark"]).lower(), False))
    state, direct = "making", False
    for index, token in enumerate(tokens):
        if token.code:
            yield token.text, _role(state, direct, tokens[index + 1 : index + 6])
        else:
            state, direct = _next(state, direct, token.text)


def _without_code(text: str) -> str:
    out = list(text)
    for start, end in spans(text):
        out[start:end] = " " * (end - start)
    return "".join(out)


def _next(state: str, direct: bool, word: str) -> tuple[str, bool]:
    """The state after one word: what is being done, and whether nothing but fillers stood since the verb."""
    for words, entered in ((_REMOVING, "removing"), (_MOVING, "moving"), (_MAKING, "making"), (_TOUCHING, "touching")):
        if word in words:
            return entered, True
    if word in _PASSING:
        return "passing", False
    if word in _STOPS:
        return ("making" if word in {".", ";", "|"} or state == "passing" else state), False
    if state == "moving" and word in _TARGETS:
        return "touching", False
    if word in {"→", "->", "=>", "—>"}:
        return "touching", False
    if state == "removing" and word in _PLACES:
        return "passing", False
    if state == "making" and word == "from":
        return "passing", False
    return state, direct and word in _FILLERS


def _role(state: str, direct: bool, after: list[_Token]) -> Role:
    """The role of a name, also from the words that follow it: "`a.py` was removed", "`a.py` → `b.py`"."""
    for token in after:
        if token.code or token.text in _STOPS - {")"}:
            break
        if token.text in {"→", "->", "=>", "—>"} or token.text in _MOVING:
            return "aside"
        if token.text in _REMOVING:
            return "removed"
        if token.text not in _AUXILIARIES:
            break
    if state == "removing":
        return "removed" if direct else "aside"
    return {"making": "made", "touching": "touched"}.get(state, "aside")  # type: ignore[return-value]
