"""Docstrings and comments that assert something about the code they stand in: "no stubs", "fully implemented"."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator

from strictreal.collect.prose import plain
from strictreal.collect.prose.assertions import assertions
from strictreal.collect.prose.blocks import Block, readable
from strictreal.collect.prose.hints import may_assert
from strictreal.collect.prose.sentences import sentences
from strictreal.collect.python.module import MAX_TEXT, ParsedModule
from strictreal.facts.claims import CodeClaim
from strictreal.model import Location
from strictreal.redact import redact

_COMMENT_LIKE = re.compile(r"#.*(?:\n[ \t]*#.*)*")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def facts(module: ParsedModule) -> Iterator[CodeClaim]:
    """Every asserting sentence of the module."""
    if not may_assert(module.text):
        return
    definitions = module.of(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [*_in_docstrings(module, definitions), *_in_comments(module, definitions)]
    yield from sorted(found, key=lambda claim: (claim.where.line, claim.says))


def _in_docstrings(module: ParsedModule, definitions: list[_Definition]) -> Iterator[CodeClaim]:
    for owner in (module.tree, *definitions):
        first = owner.body[0] if owner.body else None
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        text = first.value.value
        if not isinstance(text, str) or not may_assert(text):
            continue
        start = first.value.lineno
        numbered = [(start + offset, line) for offset, line in enumerate(text.split("\n"))]
        blocks = plain.blocks(_dedented(numbered), quotes=False)
        covered = None if owner is module.tree else owner
        yield from _claims(module, blocks, covered)  # type: ignore[arg-type]


def _dedented(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """A docstring's lines without their common indentation; its first line has none (PEP 257)."""
    indents = [len(line) - len(line.lstrip()) for _, line in lines[1:] if line.strip()]
    margin = min(indents, default=0)
    return [(lines[0][0], lines[0][1].strip()), *((number, line[margin:]) for number, line in lines[1:])]


def _in_comments(module: ParsedModule, definitions: list[_Definition]) -> Iterator[CodeClaim]:
    if not any(may_assert(match.group()) for match in _COMMENT_LIKE.finditer(module.text)):
        return
    spans = _Spans(definitions)
    for run, follows, alone in _comments(module.text):
        text = "\n".join(line for _, line in run)
        if not may_assert(text):
            continue
        owner = spans.around(run[0][0]) or (spans.beginning(follows) if alone else None)
        lines = None if alone or owner else (run[0][0], run[0][0])
        yield from _claims(module, plain.blocks(run, quotes=False), owner, lines)


def _comments(text: str) -> Iterator[tuple[list[tuple[int, str]], int, bool]]:
    """Runs of comment lines: (numbered words, the line after them, whether they stand on lines of their own)."""
    run: list[tuple[int, str]] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline=None).readline))
    except (tokenize.TokenError, SyntaxError):
        return  # parsed by ast all the same; what tokenize alone refuses has no comment that can be placed
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        words = token.string.lstrip("#:!").rstrip()
        alone = not token.line[:column].strip()
        if run and (not alone or line != run[-1][0] + 1):
            yield run, run[-1][0] + 1, True
            run = []
        if alone:
            run.append((line, words))
        else:
            yield [(line, words)], line, False
    if run:
        yield run, run[-1][0] + 1, True


class _Spans:
    """Definitions by the lines they take, decorators included."""

    def __init__(self, definitions: list[_Definition]) -> None:
        self._sorted = sorted(definitions, key=lambda d: (_first_line(d), -(d.end_lineno or 0)))
        self._starts = [_first_line(definition) for definition in self._sorted]

    def around(self, line: int) -> _Definition | None:
        """The innermost definition that holds a line."""
        for definition in reversed(self._sorted[: bisect_right(self._starts, line)]):
            if (definition.end_lineno or 0) >= line:
                return definition
        return None

    def beginning(self, line: int) -> _Definition | None:
        """The definition that begins on a line: what the comment right above it speaks of."""
        index = bisect_right(self._starts, line - 1)
        return self._sorted[index] if index < len(self._starts) and self._starts[index] == line else None


def _first_line(definition: _Definition) -> int:
    return min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])


def _claims(
    module: ParsedModule, blocks: list[Block], owner: _Definition | None, lines: tuple[int, int] | None = None
) -> Iterator[CodeClaim]:
    first, last = lines or ((_first_line(owner), owner.end_lineno or 0) if owner else (0, 0))
    folder = module.path.rpartition("/")[0]
    package = module.path.rsplit("/", 1)[-1] == "__init__.py" and not first
    for block in blocks:
        for sentence in sentences(block.text):
            for assertion in assertions(sentence, document=False):
                if assertion.subject == "other":
                    continue
                line = block.line_at(sentence.words[assertion.first].start)
                source = module.lines[line - 1] if 0 < line <= len(module.lines) else ""
                text = redact(source.strip(), MAX_TEXT)
                column = len(source) - len(source.lstrip()) + 1
                yield CodeClaim(
                    where=Location(module.path, line, column, text=text),
                    says=(assertion.says,),
                    sentence=redact(readable(sentence.text), MAX_TEXT),
                    covers=(folder + "/" if folder else "/") if package else module.path,
                    first_line=first,
                    last_line=last,
                )
