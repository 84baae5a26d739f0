"""Files, folders and symbols that an item of a document names, and what the sentence does with each of them.

`Add a.py`, `update a.py` and `rename b.py to a.py` say that a.py is there; `remove a.py` says that it is not;
`reads a.py`, `instead of a.py` and `e.g. a.py` say neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from strictreal.collect.prose.roles import roles
from strictreal.facts.claims import Mention

MAX_MENTIONS = 1000
"""Of one item; a document with more in one is a gap."""
MAX_NAME = 300
"""Characters of a name; what is longer is none."""
_EXTENSIONS = frozenset(
    """
    avsc bash bat c cc cfg cmake conf cpp cs css csv cue dart dockerfile env-example ex exs go gradle graphql groovy
    h hcl hpp html in ini ipynb j2 java jinja jinja2 js json json5 jsonl jsx kt kts less lock lua m4 md mdx mjs mk
    nix parquet php pl plist po proto ps1 py pyi pyx r rb rego rs rst sass scala scss sh sol sql sum svelte svg
    swift tf tfvars thrift tmpl toml tpl ts tsv tsx txt vue xml yaml yml zig zsh
    """.split()
)
_ATTRIBUTES = frozenset("c h r in po ex sum lock conf text m4 mk cue d sol less".split())
_PRODUCTS = {"node", "d3", "three", "vue", "next", "ember", "backbone"}
_BARE_NAMES = frozenset(
    "makefile dockerfile jenkinsfile procfile justfile vagrantfile tiltfile codeowners containerfile".split()
)
_PATH = re.compile(r"(?:\.{1,2}/)*[\w@.+-]+(?:/[\w@.+-]+)*/?")
_SYMBOL = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_CALL = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\([^()]*\)")
_BRACES = re.compile(r"\{([\w.+-]+(?:,[\w.+-]+)+)\}")
_PLACEHOLDER = re.compile(
    r"[<>$%]|\.\.\.|…|\bpath/to\b|\byour[-_]|\bfoo\b|\bbar\b|\bxxx\b|\bexample\.\w+$|\{\w*\}", re.IGNORECASE
)
_OUTWARD = re.compile(r"^(?:[/~\\]|[A-Za-z]:\\|\w+://|www\.)")
_SUFFIX = re.compile(r"(?:::[\w\[\]:.-]+|:\d+(?:[-:,]\d+){0,5}|#[\w-]+)$")
_HYPHENS = dict.fromkeys(map(ord, "‐‑‒"), "-")


def mentions(text: str, links: list[str]) -> tuple[Mention, ...]:
    """What a block's text names, unresolved, in order; links to files of the repository last.

    Raises:
        ValueError: it names more than MAX_MENTIONS.
    """
    found: dict[tuple[str, str], Mention] = {}
    for word, role in roles(text):
        for named in _named(word):
            found.setdefault((named.kind, named.text), Mention(text=named.text, kind=named.kind, role=role))
    for link in links:
        target = link.split("#")[0].split("?")[0]
        if target and not target.endswith((".html", ".htm")) and _is_file(target):
            found.setdefault(("file", target), Mention(text=target, kind="file", role="touched"))
    if len(found) > MAX_MENTIONS:
        raise ValueError(f"names more than {MAX_MENTIONS} files in one item (bound: mentions)")
    return tuple(found.values())


def _named(code: str) -> Iterator[Mention]:
    """The paths or the symbol that a code span or a word of prose names; nothing for commands and placeholders."""
    text = code.strip().translate(_HYPHENS).rstrip(",;:")
    if not text or len(text) > MAX_NAME or _PLACEHOLDER.search(text) or _OUTWARD.match(text):
        return
    if call := _CALL.fullmatch(text):
        yield Mention(text=call[1], kind="symbol", role="aside")
        return
    text = _SUFFIX.sub("", text)
    braces = _BRACES.search(text)
    for option in braces[1].split(",") if braces else [""]:
        path = text[: braces.start()] + option + text[braces.end() :] if braces else text
        if not _PATH.fullmatch(path):
            continue
        if path.endswith("/") and path.strip("./"):
            yield Mention(text=path, kind="folder", role="aside")
        elif _is_file(path):
            yield Mention(text=path, kind="file", role="aside")
        elif _SYMBOL.fullmatch(path):
            yield Mention(text=path, kind="symbol", role="aside")


def _is_file(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name.lower() in _BARE_NAMES
    if not stem or extension.lower() not in _EXTENSIONS:
        return False
    if "/" in path:
        return True
    # Without a folder, `np.sum` and `self.lock` are attributes, `node.js` and `Vue.js` are products.
    return extension not in _ATTRIBUTES and not (extension == "js" and (stem[:1].isupper() or stem in _PRODUCTS))
