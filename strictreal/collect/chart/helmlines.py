"""The commands of Helm in a script, and what they give a chart: read by the shell's grammar, nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from strictreal.collect.chart.given import UNKNOWN, Deployment, Piece
from strictreal.collect.chart.recipes import of_make
from strictreal.collect.shell import words as shell
from strictreal.collect.shell.syntax import descendants, parse, row, text_of
from strictreal.errors import BoundExceeded

MAX_DEPTH = 4
"""Of scripts inside strings."""
MAX_BROKEN = 100_000
"""Characters of what is no shell that are looked at."""
MAX_COMMANDS = 500
"""Commands of Helm in one file."""
_HELM = re.compile(r"(?:.*/)?helm[23]?(?:\.exe)?")
_DEPLOYING = frozenset({"install", "upgrade", "template"})
_WRAPPING = frozenset({"secrets", "diff", "tiller", "conftest"})
"""Plugins of Helm that are followed by one of its own commands."""
_SAYING = frozenset({"echo", "printf", "grep", "egrep", "sed", "awk", "which", "type", "alias", "logger", "git", "cat"})
_VALUED = frozenset(
    """
    -n --namespace --version --repo --timeout --kube-context --kubeconfig --description --history-max --post-renderer
    --post-renderer-args --username --password --ca-file --cert-file --key-file --keyring --name-template --labels -l
    --output -o --api-versions -a --kube-version --show-only -s --output-dir --name --tiller-namespace --max-history
    --registry-config --repository-cache --repository-config --burst-limit --qps --kube-apiserver --kube-as-group
    --kube-as-user --kube-ca-file --kube-tls-server-name --kube-token
    """.split()
)
_SETTING = {f"--{kind}": kind for kind in ("set", "set-string", "set-json", "set-file", "set-literal")}
_FILES = frozenset({"-f", "--values"})
_EXPRESSION = re.compile(r"\$?\{\{((?:[^{}\n]|\{(?!\{)|\}(?!\}))*)\}\}")
_BROKEN = tuple(map(re.compile, (r"\bhelm[23]?\s", r"\b(?:install|upgrade|template)\s", r"\s(?:--set|--values|-f)\b")))
"""What stands in this order on a line that deploys, where the rest of it is no shell."""
_COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_FORMED = {
    **dict.fromkeys(("GITHUB_SHA", "CI_COMMIT_SHA", "CIRCLE_SHA1", "BITBUCKET_COMMIT", "BUILDKITE_COMMIT"), _COMMIT),
    **dict.fromkeys(("DRONE_COMMIT_SHA", "GIT_COMMIT", "github.sha"), _COMMIT),
    "CI_COMMIT_SHORT_SHA": _COMMIT[:8],
    **dict.fromkeys(
        ("GITHUB_RUN_NUMBER", "GITHUB_RUN_ID", "CI_PIPELINE_ID", "CI_PIPELINE_IID", "BUILD_NUMBER"), "1042"
    ),
    **dict.fromkeys(("github.run_number", "github.run_id"), "1042"),
}
"""What CI sets to a commit's digest or a count, which can be nothing else; one of that form stands for it."""


class _Names(shell.Names):
    """What names stand for, where the script leaves no choice."""

    def _variable(self, node: Node, written: str) -> str:
        named = next((n for n in descendants(node) if n.type in {"variable_name", "special_variable_name"}), None)
        name = text_of(named) if named else ""
        known = set(self.variables.get(name, ()))
        if written not in {f"${name}", f"${{{name}}}", f"${{{name}[@]}}"} or len(known) > 1:
            return UNKNOWN
        return known.pop() if known else _FORMED.get(name, UNKNOWN)

    def _printed(self, node: Node, depth: int) -> str:
        commands = [child for child in node.named_children if child.type == "command"]
        words = self.words(commands[0]) if len(commands) == 1 and depth <= 2 else []
        if words[words[:1] == ["shell"] :][:2] == ["git", "rev-parse"]:  # `$(shell …)` is make's
            return _COMMIT
        return super()._printed(node, depth)


def mentions(text: str) -> bool:
    """Whether a text may hold a command of Helm that deploys."""
    return "helm" in text.lower() and any(word in text for word in _DEPLOYING)


def deployments(path: str, text: str, first: int = 1, *, make: bool = False) -> Iterator[Deployment]:
    """Every command of a script that deploys a chart.

    Args:
        path: the file that holds the script.
        first: the line on which the script begins.
        make: whether it is a Makefile.

    Raises:
        ValueError: it is too large, or holds more commands than MAX_COMMANDS.
    """
    try:
        text = of_make(text) if make else text
    except BoundExceeded as error:
        yield Deployment(path=path, line=first, chart=UNKNOWN, unknown=(str(error),))
        return
    for number, found in enumerate(_scripts(path, text, first, 0)):
        if number >= MAX_COMMANDS:
            raise ValueError(f"has more than {MAX_COMMANDS} commands of helm (bound: commands of helm)")
        yield found


def from_words(path: str, line: int, words: Sequence[str], folders: tuple[str, ...] = ()) -> Iterator[Deployment]:
    """The deployment that one command is, if it is one."""
    at = next((i for i, word in enumerate(words[:20]) if _HELM.fullmatch(word)), None)
    if at is None:  # a name for helm that is set elsewhere, as `$(HELM)` often is
        at = 0 if words[:1] == [UNKNOWN] and _DEPLOYING & set(words[1:2]) and _gives(words) else None
    if at is None or words[0] in _SAYING:
        return
    rest = list(words[at + 1 :])
    while rest and (rest[0].startswith("-") or rest[0] in _WRAPPING):
        option = rest.pop(0)
        if option in _VALUED and rest:
            rest.pop(0)
    if rest and (rest[0] in _DEPLOYING or (rest[0] == UNKNOWN and _gives(rest))):
        yield _deployment(path, line, rest[1:], folders)


def _gives(words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in _SETTING.keys() | _FILES for word in words)


def _deployment(path: str, line: int, words: Sequence[str], folders: tuple[str, ...]) -> Deployment:
    places, pieces, unknown = list[str](), list[Piece](), list[str]()
    release = namespace = ""
    waiting = [*words]
    while waiting:
        word = waiting.pop(0)
        option, has_value, value = word.partition("=")
        if option in _SETTING or option in _FILES or option in _VALUED:
            value = value if has_value else waiting.pop(0) if waiting else UNKNOWN
        elif re.match(r"-[fn].", word) and word[1] != "-":
            option, value = word[:2], word[2:]
        if option in _SETTING:
            _take(_SETTING[option], value, pieces, unknown)
        elif option in _FILES:
            for name in value.split(","):
                _file(name, pieces, unknown)
        elif option in {"-n", "--namespace"}:
            namespace = value
        elif option == "--name":
            release = value
        elif word and not word.startswith("-"):
            places.append(word)
    while len(places) > 2 and UNKNOWN in places:
        places.remove(UNKNOWN)
        unknown.append("options of a variable")
    if len(places) > 1:
        release = places[0]
    return Deployment(
        path=path,
        line=line,
        chart=places[min(len(places), 2) - 1] if places else UNKNOWN,
        pieces=tuple(pieces),
        unknown=tuple(dict.fromkeys(unknown)),
        folders=folders,
        release="" if UNKNOWN in release else release,
        namespace="" if UNKNOWN in namespace else namespace,
    )


def _take(kind: str, text: str, pieces: list[Piece], unknown: list[str]) -> None:
    """One expression; of a list, the parts that are told, and the names of the others."""
    if UNKNOWN not in text:
        pieces.append(Piece(kind, text))
        return
    apart = kind in {"set", "set-string", "set-file"} and not re.search(r"[{}\\]", text)
    for part in text.split(",") if apart else [text]:
        if UNKNOWN in part:
            name = part.partition("=")[0].replace(UNKNOWN, "…")[:100]
            unknown.append(f"--{kind} {name}")
        else:
            pieces.append(Piece(kind, part))


def _file(name: str, pieces: list[Piece], unknown: list[str]) -> None:
    name = re.sub(rf"^{UNKNOWN}/+", "", name)
    if UNKNOWN in name or name in {"-", "/dev/stdin"} or "://" in name:
        unknown.append(f"values file {name.replace(UNKNOWN, '…')[:100]}")
    elif name:
        pieces.append(Piece("file", name))


def _scripts(path: str, text: str, first: int, depth: int) -> Iterator[Deployment]:
    if depth > MAX_DEPTH or not mentions(text):
        return
    root = parse(_EXPRESSION.sub(_expression, text))
    names = _Names()
    names.learn(root)
    folders = list[str]()
    understood = set[int]()
    nodes = sorted(descendants(root), key=lambda node: (node.start_byte, -node.end_byte))
    for node in nodes:
        if node.type == "heredoc_body":
            yield from _scripts(path, text_of(node), first + row(node), depth + 1)
        if node.type != "command":
            continue
        words = names.words(node)
        if words[:1] == ["cd"] and len(words) == 2 and UNKNOWN not in words[1]:
            folders.append(words[1])
        found = list(from_words(path, first + row(node), words, tuple(folders[-5:])))
        if found:
            understood.add(row(node))
        yield from found
        for word in words if not found and words[:1] != ["echo"] else ():
            if re.search(r"\s", word) and mentions(word):
                yield from _scripts(path, word, first + row(node), depth + 1)
    for node in nodes:
        broken = text_of(node)[:MAX_BROKEN] if node.type == "ERROR" else ""
        rows = range(row(node), node.end_point.row + 1)
        if _deploys(broken) and not understood & set(rows):
            understood |= set(rows)
            yield Deployment(path=path, line=first + row(node), chart=UNKNOWN, unknown=("a command that is not read",))


def _deploys(broken: str) -> bool:
    """Whether a line of a text holds the parts of a command that gives a chart something; each is looked for once."""
    for line in broken.replace("\\\n", "  ").split("\n"):
        at = 0
        for part in _BROKEN:
            found = part.search(line, at)
            if not found:
                break
            at = found.end()
        else:
            return True
    return False


def _expression(found: re.Match[str]) -> str:
    """An expression of a workflow or template as a variable: of a known form, or one that nobody sets."""
    inner = found[1].strip("- \t").removeprefix("env.")
    return _FORMED.get(inner, "${_}")
