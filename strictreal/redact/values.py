"""The values that secret names are given, found by reading a line from the name on: connector, then literal or word.

One reader for all languages, since a line does not say which it is in: Python, JavaScript and Go, YAML and JSON, shell
and Dockerfile, prose. It goes from left to right and never back, so that a line takes linear time for each name.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from strictreal.redact import names

Span = tuple[int, int]

MARK = "[redacted]"
MOST_NAMES = 200
"""Names of one line that are followed."""
_NAME = re.compile(r"(?<![\w$-])-{0,2}[A-Za-z_$][\w$]*(?:(?:\.|-|::)[A-Za-z_]\w*)*")
_CONNECTOR = re.compile(r"\s{0,8}(?:===?|!==?|\+=|\?=|=>|:=|:-|->|→|=|:(?!:)|\|\||\?\?|\||\b(?:or|else)\b)[\s*]{0,20}")
_TYPE = re.compile(r"[\w.\[\]|, ]{1,60}?\s{0,8}=(?!=)\s{0,8}")
_NEXT_FIELD = re.compile(
    r"""\s{0,8},?\s{0,8}(?P<quote>["']?)(?:value|default|val|content)(?P=quote)\s{0,4}[:=]\s{0,8}"""
)
_COMMA = re.compile(r"""\s{0,4},\s{0,8}(?:(?P<quote>["']?)\w{1,20}(?P=quote)\s{0,4}[:=]\s{0,8})?""")
_ALTERNATIVE = re.compile(r"[)\]}\s]{1,8}(?:\bor\b|\|\||\?\?)\s{0,8}")
_WORD = re.compile(r"""\s{1,4}[*]{0,2}([^\s"'`]{1,200})""")
_QUOTED_WORD = re.compile(r"""\s{1,4}[*]{0,2}(?=["'`])""")
_FILLERS = frozenset(
    "for is was are be as to of set this the now here still default currently value becomes equals : =".split()
)
_MOST_FILLERS = 5
_BARE = re.compile(r"""[^\s"'`(){}\[\]<>,;]{1,4096}""")
_FLOW_VALUE = re.compile(r"""[^"'`{}\[\],#][^"'`{}\[\],]{0,4095}""")
_BLOCK_VALUE = re.compile(r"""(?:[!&][\w!./-]{0,80}\s{1,4}){0,2}([^\s"'`|>{}\[\]*&!#][^\n]{0,4095}|[*][^\n]{1,4095})""")
_NOTE = re.compile(r"\s+(?:#|//).*$|\s+$|,$")
_NUMBER = re.compile(r"[-+]?\d[\d_]*(?:\.\d+)?(?:[a-zA-Z]{1,2})?|0x[0-9a-fA-F]+")
_CODE = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+[.:,;]?")
_VERSION = re.compile(r"v?\d+(?:[.\w-]*\d)?(?:alpha|beta|rc)?\d*|[vV]\d\w*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]+")
_PLAIN = re.compile(r"[a-z]+(?:[ _-][a-z]+)*|[A-Z]?[a-z]+")
_GAP = re.compile(
    r"\$?\{[\w.:!\[\]()\"' ]*\}|\$\([^)]*\)|\{\{.*?\}\}|\$[A-Za-z_]\w*|%\(\w+\)s|%[sdvr]|<[A-Za-z][\w .:-]*>"
)
_ALNUM = re.compile(r"[^\W_]")
_NOTHING = frozenset(("none", "null", "nil", "true", "false", "undefined", "~", "", "yes", "no"))
_FOLLOWED_BY_VALUE = frozenset(("-p", "-P", "-a"))
_TARGETS = re.compile(r"((?:\s{0,80}[\w.$]{1,80}\s{0,4},){1,20}\s{0,80}[\w.$]{1,80})\s{0,4}:?=(?!=)")
_PASSWORDS = ("password", "passwd", "passphrase", "pwd")
_LOGIN = re.compile(r"(?<![\w-])(?:-u|--user|--userpass)[\s=,\"']{1,6}[^\s:\"']{1,100}:([^\s\"',]{1,400})")
_GLUED = re.compile(r"\b(?:mysql\w*|mariadb\w*|sshpass)\b.{0,400}?\s-p([^\s\"']{3,200})")


def values(text: str, *, unquoted: bool) -> Iterator[Span]:
    """Where the values of secret names stand.

    Args:
        unquoted: whether the language has words without quotes as data, as YAML, shell and Dockerfile have. Else such a
            word is a value only if it looks like one, as `hunter2` does and `request.token` does not.
    """
    reader = _Reader(text, unquoted)
    if (several := _TARGETS.match(text)) and any(names.speaks_of_secret(name) for name in several[1].split(",")):
        yield from reader.literals(several.end())
    for number, match in enumerate(_NAME.finditer(text)):
        if number >= MOST_NAMES:
            yield match.start(), len(text)  # nobody reads such a line
            return
        yield from reader.after(match[0], match.start(), match.end())
    for pattern in (_LOGIN, _GLUED):
        for found in pattern.finditer(text):
            if _has_look(found[1]):
                yield found.span(1)


class _Reader:
    """Reads one line from a name on."""

    def __init__(self, text: str, unquoted: bool) -> None:  # noqa: FBT001
        self.text = text
        self.unquoted = unquoted

    def after(self, name: str, start: int, end: int) -> Iterator[Span]:
        """The values that a name at [start, end) is given."""
        text = self.text
        flag = name.startswith("-")
        if name in _FOLLOWED_BY_VALUE:
            yield from self._argument(end, sure=False)
            return
        if not names.speaks_of_secret(name):
            return
        secret = names.is_secret(name)
        at, quoted = end, False
        while at < len(text) and at < end + 6 and text[at] in "\"'`)]*":
            quoted = quoted or text[at] in "\"'`"
            at += 1
        if flag and secret and text[at : at + 1] in (" ", ",", "\t"):
            yield from self._argument(at, sure=True)
        elif field := _NEXT_FIELD.match(text, at):
            yield from self._value(field.end(), name)
        elif (joint := _CONNECTOR.match(text, at)) and not _ends(joint[0].strip(), quoted, text[end:at]):
            glued = joint[0] == "=" and name.isupper()
            cell = joint[0].strip() == "|"  # of a table in Markdown; a filter in a template
            yield from self._value(joint.end(), name, quoted=cell and self.unquoted, data=glued or ":-" in joint[0])
        elif quoted and (comma := _COMMA.match(text, at)):
            yield from self._value(comma.end(), name, quoted=True)
        elif text[at : at + 1] == ">" and text[start - 1 : start] == "<":
            yield from self._element(at + 1)
        elif text[at : at + 1] == "(" and secret:
            yield from self._literal(at + 1, name)
        elif secret:
            yield from self._said(at, name)

    def literals(self, at: int) -> Iterator[Span]:
        """Every literal from `at` on."""
        text = self.text
        while at < len(text):
            if text[at] in "\"'`":
                start, end, at = _string(text, at)
                if self._shown(start, end, at, "", direct=False):
                    yield start, end
            else:
                at += 1

    def _value(self, at: int, name: str, *, quoted: bool = False, data: bool = False) -> Iterator[Span]:
        """The literals of the item that begins at `at`, or the bare word there."""
        text = self.text
        if not self.unquoted and text[:at].rstrip().endswith(":") and (typed := _TYPE.match(text, at)):
            at = typed.end()
        if not quoted and names.is_secret(name):
            yield from self._bare(at, name, data=data)
        while True:
            end = yield from self._item(at, name)
            more = _ALTERNATIVE.match(text, end)
            if not more:
                return
            at = more.end()

    def _bare(self, at: int, name: str, *, data: bool) -> Iterator[Span]:
        text = self.text
        if self.unquoted:
            before = text[:at]
            flow = before.count("{") + before.count("[") > before.count("}") + before.count("]")
            if flow and text[at : at + 1] == "[" and "]" in text[at:]:
                yield at + 1, text.index("]", at)
                return
            glued = text[at - 1 : at] == "="  # shell and Dockerfile: the word ends at the next blank
            pattern = _FLOW_VALUE if flow else _BARE if glued else _BLOCK_VALUE
            found = pattern.match(text, at)
            if found:
                start = found.start(1) if found.lastindex else found.start()
                value = _NOTE.sub("", text[start : found.end()])
                if value != MARK and not _is_nothing(value) and (names.is_surely_secret(name) or _has_digit(value)):
                    yield start, start + len(value)
                return
        found = _BARE.match(text, at)
        if found and not _is_nothing(found[0]):
            code = text[found.end() : found.end() + 1] in ("(", "[") or _CODE.fullmatch(found[0])
            if data or (not code and len(found[0]) > 3 and _has_look(found[0])):
                yield found.span()

    def _item(self, at: int, name: str) -> Generator[Span, None, int]:
        """The literals up to the end of an item: a comma at its own level, or a bracket that closes what is around.

        Returns:
            Where it ends.
        """
        text, depth, first = self.text, 0, True
        while at < len(text):
            character = text[at]
            if character in "\"'`" and not (
                character == "'" and at and text[at - 1].isalnum() and not _prefixed(text, at)
            ):
                start, end, after = _string(text, at)
                if self._shown(start, end, after, name, direct=first):
                    yield start, end
                at, first = after, False
                continue
            if character in "([{":
                depth += 1
            elif character in ")]}":
                depth -= 1
                if depth < 0:
                    return at
            elif depth == 0 and (character in ",;" or (character == "\n" and self._ends_line(at, first))):
                return at
            first = first and (character.isspace() or character in "rbufRBUF([{")
            at += 1
        return at

    def _ends_line(self, at: int, first: bool) -> bool:  # noqa: FBT001
        """Whether an item ends with its line: it has begun, or a block follows."""
        return not first or self.text[:at].rstrip().endswith(":")

    def _shown(self, start: int, end: int, after: int, name: str, *, direct: bool) -> bool:
        """Whether the literal at [start, end) would show a secret."""
        text = self.text
        literal = text[start:end]
        if literal == MARK or not _ALNUM.search(_GAP.sub("", literal)):
            return False
        if direct:
            return names.is_surely_secret(name) or not names.is_secret(name) or not _is_word(literal, name)
        quote = start - 1
        subscript = text[quote - 1 : quote] == "[" and text[after : after + 1] == "]"
        if subscript and text[quote - 2 : quote - 1] not in ("", " ", "=", "(", "[", ",", ":"):
            return False
        return not (_CONSTANT.fullmatch(literal) or (names.speaks_of_secret(literal) and not _has_digit(literal)))

    def _literal(self, at: int, name: str) -> Iterator[Span]:
        """The literal that a call begins with."""
        if self.text[at : at + 1] in ("'", '"', "`") and at < len(self.text):
            start, end, after = _string(self.text, at)
            literal = self.text[start:end]
            if " " not in literal and self._shown(start, end, after, name, direct=False):
                yield start, end

    def _argument(self, at: int, *, sure: bool) -> Iterator[Span]:
        """What follows an option: the next word, or the next item of a list."""
        text = self.text
        while at < len(text) and text[at] in " \t,\"'":
            at += 1
        quote = text[at - 1] if text[at - 1] in "\"'" else ""
        end = _string(text, at - 1)[1] if quote else (found.end() if (found := _BARE.match(text, at)) else at)
        value = text[at:end]
        if not value or value == MARK or value.startswith("-") or not _ALNUM.search(_GAP.sub("", value)):
            return
        before = text[:at].rstrip("\"', \t=")
        given = sure and (quote or _has_digit(value) or not _PLAIN.fullmatch(value) or before.endswith(_PASSWORDS))
        if given or _has_look(value, path=False):
            yield at, end

    def _element(self, at: int) -> Iterator[Span]:
        end = self.text.find("<", at)
        value = self.text[at : end if end >= 0 else len(self.text)]
        if value.strip() and value != MARK and _ALNUM.search(_GAP.sub("", value)):
            yield at, at + len(value)

    def _said(self, at: int, name: str) -> Iterator[Span]:
        """What prose gives as the value: `the password is hunter2`."""
        text, before = self.text, ""
        for _ in range(_MOST_FILLERS):
            if opening := _QUOTED_WORD.match(text, at):
                start, end, after = _string(text, opening.end())
                literal = text[start:end]
                said = " " not in literal and _has_digit(literal) and not _CODE.fullmatch(literal)
                if said and self._shown(start, end, after, name, direct=False):
                    yield start, end
                return
            found = _WORD.match(text, at)
            if not found:
                return
            word = found[1]
            if word.lower().rstrip(":") in _FILLERS or before == "for":
                at, before = found.end(), word.lower()
                continue
            value = word.rstrip(".,;:!?)*")
            if len(value) > 4 and _is_said(value):
                yield found.start(1), found.start(1) + len(value)
            return


def _ends(connector: str, quoted: bool, closers: str) -> bool:  # noqa: FBT001
    """Whether a connector gives the name no value: a cell after a quoted word, the body of `def f(password):`."""
    return (quoted and connector == "|") or (connector == ":" and ")" in closers)


def _string(text: str, at: int) -> tuple[int, int, int]:
    """A literal whose opening quote is at `at`: where its content begins and ends, and what follows it."""
    quote = text[at]
    if text[at : at + 3] == quote * 3:
        end = text.find(quote * 3, at + 3)
        return (at + 3, end, end + 3) if end >= 0 else (at + 3, len(text), len(text))
    end = at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" else 1
    end = min(end, len(text))
    return at + 1, end, min(end + 1, len(text))


def _prefixed(text: str, at: int) -> bool:
    """Whether a quote after letters opens a literal: `rb'…'`, not the apostrophe of a word."""
    start = at
    while start and text[start - 1].isalnum() and at - start < 3:
        start -= 1
    return (
        text[start:at].lower() in ("r", "b", "u", "f", "rb", "br", "rf", "fr") and not text[start - 1 : start].isalnum()
    )


def _is_nothing(value: str) -> bool:
    return value.lower() in _NOTHING or not _ALNUM.search(_GAP.sub("", value)) or value.startswith(MARK)


def _has_digit(value: str) -> bool:
    return any(character.isdigit() for character in value)


def _has_look(value: str, *, path: bool = True) -> bool:
    """Whether a word without quotes looks like a secret: digits or signs among letters, no number, no path."""
    if _NUMBER.fullmatch(value) or _is_nothing(value) or not any(c.isalpha() for c in value):
        return False
    if not path and ("/" in value or "." in value or "," in value):
        return False
    return any(character.isdigit() or character in "!@#%^&*+/=~" for character in value)


def _is_said(word: str) -> bool:
    """Whether a word of prose can be a password: letters and digits, no version, no name of code, no address."""
    if _VERSION.fullmatch(word) or _CODE.fullmatch(word) or "://" in word or set("(){}[]<>=$").intersection(word):
        return False
    return _has_look(word) and _has_digit(word)


def _is_word(literal: str, name: str) -> bool:
    """Whether a literal is a plain word, as `basic` is for `auth`; the value of a token is none."""
    return bool(_PLAIN.fullmatch(literal)) and names.words(name)[-1:] not in (
        ["token"],
        ["secret"],
        ["tokens"],
        ["secrets"],
    )
