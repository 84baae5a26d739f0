"""Which commands are an audit, whose exit status is a verdict, and which strings a command runs as a script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from strictreal.collect.shell.words import UNKNOWN

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox", "rbash"})
_VERDICTS = {
    "audit": frozenset[str](),
    "sprint": frozenset({"verify"}),
    "evidence": frozenset({"verify", "recheck"}),
    "policy": frozenset({"test", "mutate", "parity"}),
}
"""Subcommands whose exit status is a verdict, with the further word that some of them need."""
_SAYING = frozenset(
    {
        *(
            "echo",
            "printf",
            "print",
            "cat",
            "grep",
            "egrep",
            "rg",
            "sed",
            "awk",
            "logger",
            "test",
            "[",
            "which",
            "type",
            "man",
        ),
        *(
            "pip",
            "pip3",
            "git",
            "gh",
            "apt",
            "apt-get",
            "brew",
            "touch",
            "rm",
            "mkdir",
            "ls",
            "alias",
            "unalias",
            "hash",
            "info",
        ),
        *(
            "chmod",
            "chown",
            "find",
            "head",
            "tail",
            "wc",
            "sort",
            "diff",
            "read",
            "cd",
            "whereis",
            "notify-send",
            "say",
            "trap",
            ":",
            "true",
            "false",
            "exit",
            "return",
            "sleep",
            "yes",
            "local",
            "readonly",
            "basename",
            "dirname",
            "expr",
            "tee",
        ),
        *(
            "cp",
            "mv",
            "ln",
            "install",
            "export",
            "complete",
            "declare",
            "source",
            ".",
            "unset",
            "help",
            "date",
            "kill",
            "pkill",
        ),
    }
)
"""Commands that name others without running them."""
_MAKES = frozenset({"make", "gmake", "$(MAKE)", "${MAKE}"})
_MODULE = re.compile(r"strictreal(?:\.\w{1,40}){0,3}(?:\.exe)?")
_COMMAND_OPTION = re.compile(r"-[a-zA-Z]*c")
_HAS_VALUE = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
_SEPARATED = re.compile(r"[\s;&|]")
_TELLING = re.compile(r"strictreal|SOMABRAIN_STRICT_REAL|\baudit\b")


def base(word: str) -> str:
    """A command's name without its folder."""
    return word.rpartition("/")[2]


def is_audit(words: Sequence[str]) -> bool:
    """Whether a command, or the one that it starts as `env`, `timeout` and `python -m` do, gives a verdict."""
    return bool(words) and base(words[0]) not in _SAYING and (_is_strictreal(words) or _is_make(words))


def _is_strictreal(words: Sequence[str]) -> bool:
    for index, word in enumerate(words[:60]):
        if _MODULE.fullmatch(base(word)):
            rest = words[index + 1 : index + 12]
            if "--help" in words[index + 1 :]:
                return False  # it says how it is used, and gives no verdict
            for position, subcommand in enumerate(rest):
                if subcommand in _VERDICTS:
                    further = [w for w in rest[position + 1 :] if not w.startswith("-")][:1]
                    wanted = _VERDICTS[subcommand]
                    return not wanted or bool(further and (further[0] in wanted or UNKNOWN in further[0]))
                if not subcommand.startswith("-") and not (position and rest[position - 1].startswith("-")):
                    break  # another subcommand
    return False


def _is_make(words: Sequence[str]) -> bool:
    at = next((i for i, word in enumerate(words[:20]) if base(word) in _MAKES), None)
    if at is None:
        return False
    targets = [word for word in words[at + 1 :] if not word.startswith("-") and "=" not in word]
    return "audit" in targets


def ignores_errors(words: Sequence[str]) -> str:
    """The option by which make runs an audit and lets its failure pass, or does not run it; "" without one."""
    at = next((i for i, word in enumerate(words[:20]) if base(word) in _MAKES), None)
    for word in words[at + 1 :] if at is not None else ():
        if word in {"--ignore-errors", "--dry-run", "--just-print", "--touch"}:
            return word
        if re.fullmatch(r"-[a-zA-Z]{1,12}", word) and set("int") & set(word[1:]):
            return word
    return ""


def scripts(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(text, options of its shell) of each script that a command runs: `sh -c …`, `eval …`, `ssh host …`."""
    if not words or base(words[0]) in _SAYING - {"printf"}:
        return
    if words[0] == "eval":
        yield " ".join(words[1:]), "inherited"
        return
    taken = -1
    for index, word in enumerate(words[:60]):
        if base(word) in SHELLS:
            options = ""
            at = index + 1
            while at < len(words) and words[at][:1] in {"-", "+"}:
                options += " " + words[at]
                if words[at] in _HAS_VALUE or re.fullmatch(r"[-+][a-z]*o", words[at]):
                    at += 1
                    options += " " + (words[at] if at < len(words) else "")
                at += 1
            if any(_COMMAND_OPTION.fullmatch(option) for option in options.split()) and at < len(words):
                yield words[at], options
                taken = at
                break
    for index, word in enumerate(words[1:60], 1):  # what a remote shell, a container or another runner is handed
        if index != taken and _SEPARATED.search(word) and _TELLING.search(word) and words[0] != "printf":
            yield word, ""


def tells(text: str) -> bool:
    """Whether a text may hold anything that concerns an audit or strict mode."""
    return bool(_TELLING.search(text))


def mentions_audit(text: str) -> bool:
    """Whether a text, with quotes and continuations taken out, names the command of an audit."""
    plain = re.sub(r"[\"'\\]", "", text[:1_000_000])
    return bool(_MENTION.search(plain))


def runs_strictreal(text: str) -> bool:
    """Whether a text names the program itself."""
    return bool(re.search(r"(?<![\w-])strictreal(?![\w-])", text))


_MENTION = re.compile(
    r"(?<![\w-])strictreal(?:\.\w{1,20})?\s[^\n;&|]{0,200}?\b(?:audit|sprint|evidence|policy)\b"
    r"|(?<![\w./-])g?make\s[^\n;&|]{0,200}?(?<![\w-])audit(?![\w-])"
)
