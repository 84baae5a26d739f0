"""What a command that a deployment starts leads to in the subject: modules by name, files by path, and what is unknown."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from strictreal.collect.deploy.places import Started
from strictreal.collect.languages import is_python_program
from strictreal.collect.shell.audits import SHELLS, base
from strictreal.collect.shell.syntax import descendants, parse, text_of
from strictreal.collect.shell.words import UNKNOWN, Names
from strictreal.errors import StrictRealError
from strictreal.redact import redact
from strictreal.subject import Tree

MAX_DEPTH = 6
"""Scripts in scripts, and words that are commands themselves."""
MAX_WORDS = 400
MAX_PATH = 400
"""Characters."""
MAX_SCRIPT_BYTES = 256 * 1024
_TESTERS = frozenset(
    """
    pytest py.test pytest-3 unittest nose nosetests nose2 tox nox behave robot locust doctest ward trial testr stestr
    ruff mypy flake8 pylint black isort bandit pyright pre-commit radon vulture codespell
    """.split()
)
"""Programs to which tests and the files that they look at are handed."""
_HANDLING = frozenset(
    """
    echo printf cp mv rm mkdir chmod chown ls cat grep sed awk find ln touch test [ rsync tar zip unzip pip pip3
    git apt apt-get apk yum dnf wget curl diff head tail wc sort tee du export set unset cd
    """.split()
)
"""Programs that handle files without running them."""
_COPYING = frozenset({"cp", "mv", "ln", "install"})
_SEARCHING = frozenset(
    {"--chdir", "--app-dir", "--pythonpath", "--working-dir", "--workdir", "--directory", "--rootdir"}
)
"""Options whose value is a folder in which modules are looked for."""
_TARGET = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,20}):[A-Za-z_][\w.]*(?:\(.{0,200}\))?")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,20}")
_APPLICATION = frozenset(
    {"-A", "--app", "-a", "--application", "--module", "-w", "--wsgi", "-m", "--factory", "--wsgi-file"}
)
"""Options of servers and workers whose value is a module."""
_NAMING = re.compile(r"(?i)app|module|settings|factory|entry|target|script|handler|main|wsgi|command|cmd")


class Led(NamedTuple):
    """What one command leads to.

    Attributes:
        line: of the deployment's file.
        names: modules, dotted.
        files: paths in the subject.
        unknown: what cannot be worked out, in words; "" for nothing.
    """

    line: int
    names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unknown: str = ""


def _interprets(words: Sequence[str]) -> bool:
    """Whether an interpreter of Python is among the words of a command."""
    return any(is_python_program(base(word)) for word in words)


class Commands:
    """The commands of one deployment's file, followed into the scripts of the subject that they run.

    Args:
        place: the path of the file.
        folders: every folder of the subject.
    """

    def __init__(self, tree: Tree, place: str, folders: Set[str]) -> None:
        self._tree = tree
        self._known_folders = folders
        self._place = place
        self._followed: set[tuple[str, tuple[str, ...]]] = set()
        self._names: dict[str, None] = {}
        self._files: dict[str, None] = {}
        self._unknown = ""

    def led(self, started: Started) -> Led:
        """What one command leads to.

        Raises:
            ValueError: a script is too large, or nested too deeply.
        """
        self._names, self._files, self._unknown = {}, {}, ""
        self._started, self._folders, self._copied = started, list(started.folders), list(started.copied)
        self._folders += started.variables.get("PYTHONPATH", "").split(":")
        variables = {key: [value] for key, value in started.variables.items()}
        if started.words:
            self._words([self._filled(word) for word in started.words], variables, 0)
        else:
            self._text(started.text, variables, (), 0)
        for key, value in started.variables.items():
            if _NAMING.search(key):
                self._words([value], {}, MAX_DEPTH - 1)
        return Led(started.line, tuple(self._names), tuple(self._files), self._unknown)

    def _filled(self, word: str) -> str:
        """A word with the variables of Kubernetes, `$(NAME)`, and those that a platform fills in."""
        return re.sub(
            r"\$[({](\w{1,100})[)}]", lambda found: self._started.variables.get(found[1], found[0]), word[:20_000]
        )

    def _text(self, text: str, variables: Mapping[str, list[str]], arguments: Sequence[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        root = parse(text)
        names = Names(variables={key: list(value) for key, value in variables.items()}, arguments=list(arguments))
        names.learn(root)
        for node in sorted(descendants(root), key=lambda node: node.start_byte):
            if node.type == "command":
                words = names.words(node)
                if words[:1] in (["cd"], ["pushd"]):
                    self._folders += [
                        posixpath.join(f, w) for w in words[1:2] for f in ("", *self._folders[:MAX_DEPTH])
                    ]
                elif words:
                    self._words(words, names.variables, depth + 1)
            elif node.type == "file_redirect" and text_of(node).lstrip("0123456789").startswith("<"):
                if place := node.child_by_field_name("destination"):
                    self._path(names.value(place), (), {}, depth)
            elif node.type == "heredoc_body":
                self._code(text_of(node))
            elif node.type == "variable_assignment":
                name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
                if name and value and _NAMING.search(text_of(name)):
                    self._target(names.value(value))

    def _words(self, words: Sequence[str], variables: Mapping[str, list[str]], depth: int) -> None:
        """Follow one command from its first word to its last."""
        if depth > MAX_DEPTH or not words:
            return
        words = words[:MAX_WORDS]
        if base(words[0]) in _COPYING:
            self._copied += [(source, words[-1]) for source in words[1:-1] if not source.startswith("-")]
        if base(words[0]) in _HANDLING and not _interprets(words):
            return
        at = 0
        while at < len(words):
            word, rest = words[at], words[at + 1 :]
            following = rest[0] if rest else ""
            if (base(word) in _TESTERS or (at and word == "test")) and not _interprets(rest):
                return
            if word.partition("=")[0] in _SEARCHING:
                self._folders.append(word.partition("=")[2] or following)
            if is_python_program(base(word)) or (UNKNOWN in word and following == "-m"):
                at = self._python(words, at + 1)
                if at < 0:
                    return
                continue
            if word == "-m" or word in _APPLICATION:
                if following in _TESTERS:
                    return
                self._module(following.partition(":")[0])
            elif word.startswith("--") and word.partition("=")[0] in _APPLICATION:
                self._module(word.partition("=")[2].partition(":")[0])
            elif (base(word) in SHELLS or word == "eval") and rest:
                self._shell(word, rest, variables, depth)
                return
            elif re.search(r"[\s;&|]", word.strip()):
                self._text(word, variables, rest, depth + 1)
            elif not self._target(word):
                self._path(word, rest, variables, depth)
            at += 1

    def _shell(self, word: str, rest: Sequence[str], variables: Mapping[str, list[str]], depth: int) -> None:
        at = next((i for i, w in enumerate(rest) if not w.startswith(("-", "+"))), len(rest))
        given = rest[at : at + 1]
        if word == "eval":
            self._text(" ".join(rest), variables, (), depth + 1)
        elif any(re.fullmatch(r"-[a-zA-Z]*c", w) for w in rest[:at]):
            # The words behind the text are its `$0` and its arguments.
            self._text(given[0] if given else "", variables, rest[at + 2 :], depth + 1)
        elif given:
            self._path(given[0], rest[at + 1 :], variables, depth)

    def _python(self, words: Sequence[str], at: int) -> int:
        """Follow the options of an interpreter; where its arguments go on, or -1 where they belong to tests."""
        while at < len(words):
            word = words[at]
            if word in {"-m", "-mm"} or (word.startswith("-m") and not word.startswith("--")):
                name = word[2:] if word not in {"-m", "-mm"} else words[at + 1] if at + 1 < len(words) else ""
                if name.partition(".")[0] in _TESTERS:
                    return -1
                if name in {"coverage", "cProfile", "pdb", "trace", "profile", "debugpy", "viztracer", "runpy"}:
                    return at + 2
                if UNKNOWN in name or "$" in name:
                    self._unknown = "starts Python with a module that is worked out elsewhere"
                self._module(name)
                return at + (2 if word in {"-m", "-mm"} else 1)
            if word == "-c" or re.fullmatch(r"-[a-zA-Z]*c", word):
                self._code(words[at + 1] if at + 1 < len(words) else "")
                return at + 2
            if word in {"-W", "-X", "--check-hash-based-pycs"}:
                at += 2
            elif word == "-":
                self._unknown = "starts Python with a program that it reads from its input"
                return at + 1
            elif word.startswith("-"):
                at += 1
            else:
                if not self._place_of(word) and (reason := self._left_out(word)):
                    self._unknown = f"starts {redact(word[:MAX_PATH])}, which was left out: {reason}"
                if UNKNOWN in word and not any(self._place_of(w) for w in words[at:]):
                    self._unknown = "starts Python with a script that is worked out elsewhere"
                return at
        return at

    def _module(self, name: str) -> None:
        if not _DOTTED.fullmatch(name):
            return
        for source, called in self._copied:
            if posixpath.splitext(posixpath.basename(called))[0] == name.partition(".")[0] and self._is_file(source):
                self._files[_inside(source)] = None
        folders = [*self._folders, *(source for source, _ in self._copied)]
        beginnings = [inner.replace("/", ".") for folder in folders for inner in self._known(folder)]
        for full in (name, *(f"{beginning}.{name}" for beginning in dict.fromkeys(beginnings))):
            self._names |= {full: None, f"{full}.__main__": None}

    def _target(self, word: str) -> bool:
        found = _TARGET.fullmatch(word)
        if found:
            self._module(found[1])
        elif "." in word and _DOTTED.fullmatch(word) and not word.endswith((".py", ".sh")):
            self._names[word] = None
        return bool(found)

    def _code(self, text: str) -> None:
        """What a text of Python imports, or names as a module."""
        try:
            tree = ast.parse(text.replace(UNKNOWN, "_"))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                self._names |= {node.module: None} | {f"{node.module}.{alias.name}": None for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                word = node.value.partition(":")[0]
                if "." in word and _DOTTED.fullmatch(word):
                    self._names[word] = None
                elif found := self._place_of(word):
                    self._files[found] = None

    def _path(self, word: str, rest: Sequence[str], variables: Mapping[str, list[str]], depth: int) -> None:
        found = self._place_of(word)
        if not found:
            return
        self._files[found] = None
        key = found, tuple(rest)
        if depth >= MAX_DEPTH or key in self._followed or not self._is_script(found):
            return
        self._followed.add(key)
        self._folders.append(posixpath.dirname(found))
        self._text(self._read(found), variables, rest, depth + 1)

    def _left_out(self, word: str) -> str:
        """Why a script was passed over that lies in the subject's folder and in nobody's listing; "" where none is."""
        parts = [part for part in posixpath.normpath(word).split("/") if part not in {"", ".", ".."}]
        for at in range(min(len(parts), MAX_DEPTH)) if word.endswith(".py") else ():
            inner = "/".join(parts[at:])
            for folder, reason in self._tree.left_out:
                if inner.startswith(folder.rstrip("/") + "/"):
                    return reason
        return ""

    def _place_of(self, word: str) -> str:
        """The file of the subject that a path of the machine may be; "" for none."""
        if not word or UNKNOWN in word or len(word) > MAX_PATH or word in {".", "/"} or word.startswith("-"):
            return ""
        parts = [part for part in posixpath.normpath(word).split("/") if part not in {"", ".", ".."}]
        if not parts:
            return ""
        for source, called in self._copied:
            if parts[-1] in {posixpath.basename(called), posixpath.basename(source)} and self._is_file(source):
                return _inside(source)
        above = posixpath.dirname(self._place)
        folders = ["", above, *(s for s, _ in self._copied), *self._folders]
        known = [inner for folder in folders for inner in ("", *self._known(folder))]
        for at in range(min(len(parts), 20)):
            inner = "/".join(parts[at:])
            for folder in dict.fromkeys(known):
                whole = posixpath.join(folder, inner)
                for path in (whole, f"{whole}/__main__.py"):
                    if path in self._tree.paths:
                        return path
        return ""

    def _known(self, folder: str) -> Iterator[str]:
        """The folders of the subject that a folder of the machine may be, longest first."""
        parts = [part for part in posixpath.normpath(folder).split("/") if part not in {"", ".", ".."}]
        for at in range(min(len(parts), 20)):
            inner = "/".join(parts[at:])
            if inner in self._known_folders:
                yield inner

    def _is_file(self, source: str) -> bool:
        return _inside(source) in self._tree.paths

    def _is_script(self, path: str) -> bool:
        if path.endswith((".sh", ".bash", ".ash")):
            return True
        opening = self._read(path)[:100]
        return opening.startswith("#!") and bool(re.search(r"\b(?:ba|da|a|k|z)?sh\b", opening.partition("\n")[0]))

    def _read(self, path: str) -> str:
        try:
            data = self._tree.read(path)
        except StrictRealError:
            return ""
        if len(data) > MAX_SCRIPT_BYTES:
            self._unknown = f"starts {path}, which is larger than {MAX_SCRIPT_BYTES} bytes (bound: size of a script)"
            return ""
        return data.decode("utf-8-sig", errors="replace")


def _inside(source: str) -> str:
    return posixpath.normpath(source).lstrip("/")
