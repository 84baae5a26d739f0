"""What becomes of the exit status of an audit: whether its failure ends the script, or somebody reads it.

POSIX, section 2.8.1 (`set -e`), and the Bash manual, "The Set Builtin" and "Pipelines", are what the rules follow: a
failure counts where it is the status of the script itself, where `errexit` sees it, or where what follows reads `$?`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tree_sitter import Node

from strictreal.collect.shell import audits, impostors, variable
from strictreal.collect.shell.audits import base
from strictreal.collect.shell.fails import Fails
from strictreal.collect.shell.modes import Modes
from strictreal.collect.shell.syntax import MAX_DEPTH, descendants, parse, row, statements, text_of
from strictreal.collect.shell.words import UNKNOWN, Names
from strictreal.collect.shell.work import Work
from strictreal.collect.strictevasion import Evasion, Unread

MAX_SCRIPTS = 20
"""Scripts inside strings of scripts that are followed, each level counting."""
MAX_SHOWN = 40
_GATES = frozenset({"waivers.toml", "strictreal.toml"})
_KEPT = re.compile(r"\bexit\s+\"?\$")
"""The end of a script with what was kept on the way."""
_WAITS = re.compile(r"\bwait\s+[^\s;&|]")


def read(
    text: str,
    first: int = 1,
    *,
    pipefail: bool = False,
    errexit: bool = False,
    lost: str = "",
    work: Work | None = None,
) -> Iterator[Evasion | Unread]:
    """Every evasion of a script, and what of it is no shell though an audit seems to run there.

    Args:
        text: the script.
        first: the number of its first line.
        pipefail: whether the shell that reads it fails with any part of a pipe.
        errexit: whether that shell stops at the first command that fails.
        lost: how whoever starts the script throws its status away; "" when it does not.
        work: the steps that are left, where several scripts share them.

    Raises:
        ValueError: the script is too large, nested too deeply, or takes too many steps.
    """
    reader = _Script(text, first, Names(), work or Work(), pipefail=pipefail, errexit=errexit)
    reader.whole(lost)
    yield from reader.found


class _Script:
    """One script, followed statement by statement."""

    def __init__(
        self, text: str, first: int, names: Names, work: Work, *, pipefail: bool, errexit: bool, level: int = 0
    ) -> None:
        work.spend(len(text))
        self.work = work
        self.root = parse(text)
        self.text = text
        self.first = first
        self.names = names
        self.asks_pipes = "PIPESTATUS" in text
        self.audits = audits.mentions_audit(text)
        self.modes = Modes(errexit, pipefail)
        self.level = level
        self.depth = 0
        self.exit_lost = ""
        """How an `exit` with a failure is lost: by what surrounds the script, or the subshell that it ends."""
        self.return_lost = ""
        """The same for `return` and the function that is being followed."""
        self.place = -1
        """The row of a call, while the body of what it calls is followed."""
        self.following: set[str] = set()
        self.followed: set[tuple[object, ...]] = set()
        """Calls that were followed, so that one more of the same kind costs nothing."""
        self.concerning: dict[str, bool] = {}
        """Whether a function runs an audit, itself or by what it calls."""
        self.audits_in: dict[str, bool] = {}
        """Whether its own text does."""
        self.calls: dict[str, set[str]] = {}
        """Which functions of the script each of them names."""
        self.found: list[Evasion | Unread] = []
        names.learn(self.root)
        self.telling = names.telling()
        self.fails = Fails(names, text)
        if text.startswith("#!"):
            self.modes.set(text.partition("\n")[0].split()[1:])

    def whole(self, lost: str) -> None:
        """Follow the script from its first statement to its last."""
        self.exit_lost = lost = impostors.trap(self.root, self.names)[:MAX_SHOWN] or lost
        self.found += [
            Evasion(self.first + at, action, value) for at, action, value in variable.evasions(self.root, self.names)
        ]
        self._sequence(self.root, lost)
        self.found += [Evasion(self.first + at, "swallow", how) for at, how in impostors.seen(self.root, self.names)]
        self._not_understood()

    # -- statements

    def _sequence(self, block: Node, lost: str, *, ignored: bool = False, catch: bool = False) -> None:
        below = list(statements(block))
        apart = any(background for _, background in below)
        waits = [index for index, (node, _) in enumerate(below) if apart and _WAITS.search(text_of(node))]
        kept = bool(below) and bool(_KEPT.search(text_of(below[-1][0])))
        for index, (statement, background) in enumerate(below):
            after = below[index + 1][0] if index + 1 < len(below) else None
            if background:
                self._visit(statement, lost if waits and waits[-1] > index else "&", ignored=True)
            elif after is None or self._hands_on(after):
                self._visit(statement, lost, ignored=ignored, catch=catch)
            elif how := self.fails.reads_status(after):
                self._visit(statement, self._told(how, lost, ""), ignored=True)
            elif self.modes.errexit and not ignored:
                self._visit(statement, lost, catch=True)
            elif kept and self._runs_by_functions(statement):
                self._visit(statement, lost, ignored=True)
            else:
                how = "set +e" if self.modes.cleared else "; " + text_of(after).split("\n")[0]
                self._visit(statement, how[:MAX_SHOWN], ignored=True)

    def _hands_on(self, node: Node) -> bool:
        """Whether a statement ends the script with the status of the one before: `exit`, `return`."""
        return node.type == "command" and text_of(node).strip() in {"exit", "return"}

    def _runs_by_functions(self, statement: Node) -> bool:
        """Whether functions run the audits of a statement, so that they may keep what came of them."""
        commands = [node for node in descendants(statement) if node.type == "command"]
        ran = [words for words in map(self.names.words, commands) if audits.is_audit(words)]
        return bool(ran) and all(self._is_function(words[0]) for words in ran)

    @staticmethod
    def _is_function(called: str) -> bool:
        """Whether a word is no program that runs audits, so that it is a function of this file or another."""
        known = base(called) in {"strictreal", "make", "env", "time", "timeout"} or "python" in called
        return bool(re.fullmatch(r"\w+", called)) and not known

    def _visit(self, node: Node, lost: str, *, ignored: bool = False, catch: bool = False) -> None:
        """Follow one statement.

        Args:
            lost: how its status is lost; "" when it counts.
            ignored: whether errexit does not see what fails inside it.
            catch: whether its status counts only because errexit sees it.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep (bound: depth of a script)")
        try:
            self._statement(node, lost, ignored=ignored, catch=catch)
        finally:
            self.depth -= 1

    def _statement(  # noqa: C901, PLR0912  (one case for each kind of statement)
        self, node: Node, lost: str, *, ignored: bool, catch: bool
    ) -> None:
        match node.type:
            case "command":
                self._command(node, lost, ignored=ignored)
            case "list":
                self._list(node, lost, ignored=ignored, catch=catch)
            case "pipeline":
                self._pipeline(node, lost, ignored=ignored)
            case "negated_command":
                for child, _ in statements(node):
                    self._visit(child, lost or "!", ignored=True)
            case "redirected_statement":
                self._redirected(node, lost, ignored=ignored, catch=catch)
            case "subshell":
                with self._apart(lost):
                    self._sequence(node, lost, ignored=ignored, catch=catch)
            case "compound_statement" | "do_group" | "ERROR":
                self._sequence(node, lost, ignored=ignored, catch=catch)
            case "if_statement":
                self._if(node, lost, ignored=ignored, catch=catch)
            case "while_statement":
                self._while(node, lost, ignored=ignored)
            case "for_statement" | "c_style_for_statement":
                last = (
                    lost
                    if catch or (self.modes.errexit and not ignored)
                    else lost or "a loop, whose last round alone counts"
                )
                once = node.type == "for_statement" and len(node.children_by_field_name("value")) == 1
                for child, _ in statements(node):
                    self._visit(
                        child, lost if once and "$" not in text_of(node).partition("do")[0] else last, ignored=ignored
                    )
            case "case_statement":
                for child in node.named_children:
                    if child.type == "case_item":
                        self._sequence(child, lost, ignored=ignored, catch=catch)
            case "function_definition":
                if body := node.child_by_field_name("body"):
                    with self._apart(""):
                        self._visit(body, "")
            case "variable_assignment" | "variable_assignments":
                self._substitutions(node, lost, ignored=ignored)
            case _:
                self._substitutions(node, "a command substitution", ignored=True)

    @contextmanager
    def _apart(self, exit_lost: str) -> Iterator[None]:
        """What a subshell sets, and what its `exit` ends, is its own."""
        kept = replace(self.modes), self.exit_lost
        self.exit_lost = exit_lost
        yield
        self.modes, self.exit_lost = kept

    def _told(self, how: str, lost: str, otherwise: str) -> str:
        """How a status is lost, of which `Fails` says who is told."""
        ways = {"exit": self.exit_lost, "return": self.return_lost, "status": lost}
        return ways.get(how, lost or otherwise)

    def _list(self, node: Node, lost: str, *, ignored: bool, catch: bool) -> None:
        sides = [child for child, _ in statements(node)]
        if len(sides) != 2:
            self._sequence(node, lost, ignored=ignored, catch=catch)
            return
        left, right = sides
        if any(child.type == "||" for child in node.children):
            shown = ("|| " + text_of(right).split("\n")[0])[:MAX_SHOWN]
            self._visit(left, self._told(self.fails(right), lost, shown), ignored=True)
        else:
            self._visit(left, lost or ("&&, at which set -e does not stop" if catch else ""), ignored=True)
        self._visit(right, lost, ignored=ignored, catch=catch)

    def _pipeline(self, node: Node, lost: str, *, ignored: bool) -> None:
        parts = [child for child, _ in statements(node)]
        negated = bool(parts) and parts[0].type == "negated_command"
        piped = "" if self.modes.pipefail or self.asks_pipes else "a pipe without pipefail"
        for part in parts[:-1]:
            self._visit(part, lost or piped, ignored=ignored)
        if parts:
            self._visit(parts[-1], lost or ("!" if negated else ""), ignored=ignored)
        if len(parts) > 1 and parts[-1].type == "command" and parts[-2].type == "command":
            words, said = self.names.words(parts[-1]), self.names.words(parts[-2])
            if words and base(words[0]) in audits.SHELLS and said[:1] in (["echo"], ["printf"]):
                self._nested(" ".join(said[1:]), row(parts[-2]), "", lost)

    def _redirected(self, node: Node, lost: str, *, ignored: bool, catch: bool) -> None:
        for child, _ in statements(node):
            self._visit(child, lost, ignored=ignored, catch=catch)
        body = next((child for child, _ in statements(node)), None)
        words = self.names.words(body) if body and body.type == "command" else []
        runs = any(base(word) in audits.SHELLS | {"ssh", "su", "sudo"} for word in words)
        written = any(found.type == "file_redirect" for found in descendants(node))
        for found in descendants(node):
            if found.type == "heredoc_body" and (runs or written):
                self._nested(text_of(found), row(found), " ".join(words), lost if runs else "")
            elif found.type == "file_redirect" and (place := found.child_by_field_name("destination")):
                self._writes(self.names.value(place), found)

    def _if(self, node: Node, lost: str, *, ignored: bool, catch: bool) -> None:
        conditions = [c for c in node.children_by_field_name("condition") if c.is_named]
        branches = [child for child, _ in statements(node) if child not in conditions]
        rest = [child for child in node.named_children if child.type in {"elif_clause", "else_clause"}]
        used = next(filter(None, (self.fails.anywhere(child) for child in (*branches, *rest))), "")
        for condition in conditions:
            marked = "" if used or condition.type == "negated_command" else self.fails.marked(branches)
            self._condition(condition, self._told(used or marked, lost, "a condition"))
        self._block(branches, lost, ignored=ignored, catch=catch)
        for clause in rest:
            parts = [child for child, _ in statements(clause)]
            if clause.type == "elif_clause" and parts:
                self._condition(parts[0], self._told(used, lost, "a condition"))
                parts = parts[1:]
            self._block(parts, lost, ignored=ignored, catch=catch)

    def _condition(self, node: Node, lost: str) -> None:
        """A command that is asked for its status, be it for the opposite."""
        for child in [child for child, _ in statements(node)] if node.type == "negated_command" else [node]:
            self._visit(child, lost, ignored=True)

    def _block(self, parts: list[Node], lost: str, *, ignored: bool, catch: bool) -> None:
        """The statements of a branch, of which the last hands its status on."""
        for index, part in enumerate(parts):
            if index == len(parts) - 1 or (self.modes.errexit and not ignored):
                self._visit(part, lost, ignored=ignored, catch=catch or index < len(parts) - 1)
            else:
                after = parts[index + 1]
                read = "status" if self._hands_on(after) else self.fails.reads_status(after)
                shown = "; " + text_of(after).split("\n")[0]
                self._visit(part, self._told(read, lost, shown[:MAX_SHOWN]), ignored=True)

    def _while(self, node: Node, lost: str, *, ignored: bool) -> None:
        conditions = [c for c in node.children_by_field_name("condition") if c.is_named]
        body = node.child_by_field_name("body")
        negated = bool(conditions) and conditions[-1].type == "negated_command"
        until = bool(node.children) and node.children[0].type == "until"
        leaves = body is not None and re.search(r"\bbreak\b|\b(?:exit|return)\s+0\b", text_of(body))
        insists = negated != until and not leaves
        how = "status" if insists else self.fails.anywhere(body) if body else ""
        for condition in conditions:
            self._condition(condition, self._told(how, "" if insists else lost, "a loop"))
        if body:
            self._visit(body, lost or ("" if self.modes.errexit and not ignored else "a loop"), ignored=ignored)

    # -- commands

    def _command(self, node: Node, lost: str, *, ignored: bool) -> None:
        words = self.names.words(node)
        self.modes.set_by(words)
        self._substitutions(node, "a command substitution", ignored=True)
        if not words:
            return
        called = words[0]
        body = self.names.functions.get(called)
        if audits.is_audit(words):
            if how := audits.ignores_errors(words):
                self._tell(node, f"make {how}")
            elif lost:
                self._tell(node, lost)
            if variable.emptied(words):
                self.found.append(Evasion(self._line(node), "delete"))
        if body is not None and called not in self.following and self._concerns(called, words):
            self._call(node, called, body, words, lost, ignored=ignored)
        elif called in self.names.aliases:
            self._nested(self.names.aliases[called], row(node), "inherited", lost)
        for text, options in audits.scripts(words):
            self._nested(text, row(node), options, lost)
        for child in node.named_children:
            if child.type == "herestring_redirect" and any(base(word) in audits.SHELLS for word in words):
                self._nested(self.names.value(child.named_children[-1]), row(node), " ".join(words[1:]), lost)
        if base(called) in {"cp", "mv", "ln", "install", "tee"} and len(words) > 1:
            self._writes(words[-1], node)

    def _call(self, node: Node, called: str, body: Node, words: list[str], lost: str, *, ignored: bool) -> None:
        """A function of the script that runs an audit itself, or the one that it is handed."""
        how = (
            called,
            lost,
            ignored,
            self.modes.errexit,
            self.modes.pipefail,
            self.exit_lost,
            tuple(words) if audits.tells(" ".join(words)) else (),
        )
        if how in self.followed:
            return
        self.followed.add(how)
        place, arguments, returned = self.place, self.names.arguments, self.return_lost
        self.place = row(node) if place < 0 else place
        self.following.add(called)
        self.names.arguments = words[1:]
        self.return_lost = lost
        with self._apart(self.exit_lost):
            self._visit(body, lost, ignored=ignored)
        self.place, self.names.arguments, self.return_lost = place, arguments, returned
        self.following.discard(called)

    def _concerns(self, called: str, words: list[str]) -> bool:
        """Whether a function runs an audit, by itself, by what it calls or by what it is handed."""
        if audits.tells(" ".join(words)):
            return True
        if called not in self.concerning:
            pending, seen = [called], set[str]()
            while pending:
                name = pending.pop()
                if name not in seen and name in self.names.functions:
                    seen.add(name)
                    pending += self._calls(name)
            self.work.spend(len(seen))
            self.concerning[called] = any(self.audits_in[name] for name in seen)
        return self.concerning[called]

    def _calls(self, name: str) -> set[str]:
        """Which functions of the script one of them names; the first time, whether it runs an audit itself too."""
        if name not in self.calls:
            text = text_of(self.names.functions[name])
            self.work.spend(len(text) // 10)
            used = re.findall(r"\$\{?(\w+)", text)
            self.audits_in[name] = audits.tells(text) or not self.telling.isdisjoint(used)
            self.calls[name] = set(re.findall(r"[\w:.-]+", text)) & self.names.functions.keys()
        return self.calls[name]

    def _substitutions(self, node: Node, lost: str, *, ignored: bool) -> None:
        """Scripts inside the words of a command: `$(…)`, `<(…)`."""
        stack = list(node.named_children)
        while stack:
            child = stack.pop()
            if child.type in {"command_substitution", "process_substitution"}:
                self.depth += 1
                if self.depth > MAX_DEPTH:
                    raise ValueError(f"is nested more than {MAX_DEPTH} levels deep (bound: depth of a script)")
                inner = "a process substitution" if child.type == "process_substitution" else lost
                with self._apart(inner):
                    self.modes.errexit = False  # Bash clears it inside, unless it is asked to inherit it
                    self._sequence(child, inner, ignored=ignored)
                self.depth -= 1
            else:
                stack += child.named_children

    def _nested(self, text: str, at: int, options: str, lost: str) -> None:
        """A script inside a string, with the status that the one around it throws away or not."""
        if not audits.tells(text) or text == self.text:
            return
        if self.level >= MAX_SCRIPTS:
            raise ValueError(f"holds scripts in scripts more than {MAX_SCRIPTS} levels deep (bound: depth of a script)")
        inherited = options == "inherited"
        errexit = self.modes.errexit if inherited else bool(re.search(r"(?:^|\s)-[a-z]*e|errexit", options))
        pipefail = self.modes.pipefail if inherited else "pipefail" in options
        self.work.spend(len(self.names.variables))
        names = Names(variables={k: list(v) for k, v in self.names.variables.items()}, functions=self.names.functions)
        first = self.first + (at if self.place < 0 else self.place)
        text = text.replace(UNKNOWN, "UNKNOWN")
        inner = _Script(text, first, names, self.work, pipefail=pipefail, errexit=errexit, level=self.level + 1)
        inner.following = set(self.following)
        inner.whole(lost)
        self.found += inner.found

    def _writes(self, place: str, node: Node) -> None:
        """Waivers or settings that a script puts in place before it runs an audit."""
        if base(place) in _GATES and self.audits and "<<" not in text_of(node):
            self._tell(node, f"{base(place)}, which the script writes")

    def _not_understood(self) -> None:
        if not self.root.has_error:
            return
        for node in descendants(self.root):
            if node.is_error and audits.mentions_audit(text_of(node)):
                self.found.append(Unread(self._line(node), "runs an audit in what is not understood as shell"))

    def _tell(self, node: Node, how: str) -> None:
        self.found.append(Evasion(self._line(node), "swallow", how.replace(UNKNOWN, "…")))

    def _line(self, node: Node) -> int:
        return self.first + (self.place if self.place >= 0 else row(node))
