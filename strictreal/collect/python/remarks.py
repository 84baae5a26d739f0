"""Remarks: what comments and docstrings say of the code beside them.

Every pattern is matched against at most `MAX_REMARK` characters.
"""

from __future__ import annotations

import ast
import re
from functools import cached_property

from strictreal.collect.python.module import ParsedModule

MAX_LINE = 4096
"""Length in characters up to which a source line is searched for its comment."""
MAX_LINES = 400
"""How many lines of a body are searched for comments."""
MAX_REMARK = 400
"""Length in characters up to which a comment or docstring is read."""


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern without regard to case, in which white space and line breaks only lay it out; `~` is a space."""
    return re.compile("".join(text.split()).replace("~", " "), re.IGNORECASE)


_PLAYING = _pattern(
    r"""
    ^(?: placeholders? | stub(?:bed|s)? | dummy | fake[ds]? | mock(?:ed|s|ing)? | canned
      | hard-?coded(?: [.!:\s]*$ | ~(?:values?|response|result|answer|data|list|for|until)\b)
      | simulat(?:e[ds]?|ing)
       | pretend(?:ing|s)? | not~(?:yet~)?implemented | unimplemented | not~done~yet | temporary
       | implementation~(?:goes|comes|pending)
       | implement(?: ~(?:this|me|it|later|here|real|actual|actually|properly|logic|your)\b | [.!\s]*$ ) )(?:\b|$)
    | \((?:stub|placeholder|dummy)\)
    | \b(?:placeholder|stub|dummy|mock(?:ed)?|fake|simulated|canned|temporary)~
      (?: implementation | response | result | data | values? | answer | return | output | version | logic | scores?
        | embeddings? | vectors? | record | reply | body | until | for~now | function | method)\b
    | \b(?:return\w*|yield\w*|giv\w+|serv\w+|use[sd]?|using)~(?:(?:a|an|the|some)~)?
      (?:placeholders?|dummy|fake|mock(?:ed)?|canned|hard-?coded|static|random|simulated|made-?up)\b
    | \bin~(?:production|reality|real~life|practice|(?:a~real|the~real|an~actual)\b.{0,30}),?~.{0,40}
      \b(?:would|should|will|you|we|use|call|query|this)\b
    | \b(?:would|should|will)~.{0,40}\bin~(?:production|reality|a~real|an~actual|practice)\b
    | \b(?:real|actual|proper|full)~(?:implementation|integration)\b
    | \bfor~now,?~(?:just~|we~|simply~|always~)*
      (?:return|pretend|assume|say|accept|approve|succeed|fake|do~nothing|pass)
    | \b(?:return|accept|assume|pass|allow|approve|succeed)\w*\b.{0,40}~for~now\b
    | \b(?:this|it|function|method|feature|functionality)~(?:is|was|has)~(?:not|n't)~
      (?:been~)?(?:yet~|currently~)?implemented
    | \b(?:(?:still|left|remains)~to~be|needs?~to~be|will~be)~(?:implemented|wired|filled~in|written)
    | \b(?:to|must|should|will|can)~be~replaced~(?:with|by)~(?:a~|the~|an~)?(?:real|actual|proper|true|call)
    | \breplace~(?:this~|it~)?with~(?:a~|the~)?(?:real|actual|proper)
    """
)
"""A remark that what stands here only plays a part. It is matched against a line without its `TODO:` and the like."""
TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?:\s?\([^)]{0,40}\))?[\s:.,;!-]{0,8}")
DECLARED = re.compile(r"(?i)(?:placeholder|stub|dummy|not implemented)(?: implementation| for now)?\s{0,2}[:.]")
"""How a line of a docstring begins that says so of the whole function."""
_IMPROVEMENT = _pattern(
    r"""
    (?:maybe~|we~|should~|could~|might~|probably~|need~to~|please~)*
    (?: remove | deprecate | refactor | rename | move | clean | simplif | consider | optimi[sz] | revisit
      | why | is~ | are~ | does~
      | add~(?:tests?|docs?|coverage|caching|logging|typ|metrics) | test | document | need~(?:test|cover)
      | drop | delete
      | unify | merge | split | extract | standardi[sz]e | improve | investigate | this~is | think | type
      | speed | cache
      | config | bake | update | change | convert | upgrade | bump | rework | rewrite | reuse | share | dedup
      | better
      | more~efficient )
    """
)
_MISSING = _pattern(
    r"""
    (?:actually~|properly~|later~|just~|we~|should~|need~to~|must~|have~to~|please~)*
    (?: implement | replace~(?:this|it|with~(?:a~|the~|an~)?(?:real|actual|proper|call|query)) | hard-?coded | call
      | connect | integrate | query | fetch | load | compute | calculate | check
      | verify | validate
      | send | store | save | persist | read | write | wire | hook
      | use~(?:a~|an~|the~)?(?:real|actual|proper) | get | parse
      | finish | complete | actual | real | proper | fill | this | not | body | logic | do~
      | make~(?:this|it) | later
      | generate | return~(?:the~|a~|an~)?(?:real|actual) | publish | perform | run | build | talk | delegate
      | look~?up
      | encrypt | hash | sign | charge | authenticate | ask | post | forward | apply | search | filter | sort | rank )\b
    | $
    """
)
_SUSPECT = _pattern(
    r"""
    todo | fixme | xxx | hack | placeholder | stub | dummy | fake | mock | hard-?coded | canned | simulat | pretend
    | implement | temporary | for~now | real | actual | would | nothing | production | practice
    """
)
_UNDONE = _pattern(
    r"""
    ^(?:here,?~|this~|it~|we~)*(?:would|should)~(?:normally~|actually~|really~|then~|also~|usually~)?
      (?:send|call|post|write|save|store|publish|charge|notify|query|delete|push|upload|email|e-mail|mail|dispatch
        |submit|persist|index|invoke|connect|fetch|run|execute|deploy|trigger|emit|go)\b
    | \b(?:not|never|n't)~(?:actually|really)~(?:sent|send|call|saved?|stored?|written|write|published?|charged?
        |deleted?|executed?|deliver|delivered|done|run|do|persist|persisted|uploaded|performed)
    | \bnothing~is~(?:actually~|really~)?(?:sent|saved|stored|written|published|charged|deleted|delivered)\b
    """
)
"""Beside a body that does nothing: what it would do."""
COMING = _pattern(
    r"""
    (?:(?:this|it|we|here)(?:~we)?~)?(?:will|shall|is~going~to|are~going~to)~(?:later~|then~|eventually~|soon~|also~)*
    (?!(?:not|never|be|do|have|happen|raise|fail|work|always|only|just|ignore|remain|stay|no|cause|get)\b)\w+\b
    | (?:comes|coming|follows|done|added|written|filled~in)~(?:later|soon|next|in~a~(?:later|next|future))\b
    """
)
"""Beside a body that does nothing: what it is going to do."""
REASON = _pattern(
    r"""
    \b(?: no-?op | nothing | does~not~do | doesn't~do
      | not~(?:needed|required|necessary|applicable|used|supported) | unused
      | ignor(?:e|ed|es|ing) | hooks? | overrid(?:e|den|es|ing) | overload | sub-?class(?:es|ing)?
      | derived~class | default
      | optional(?:ly)? | by~design | intentional(?:ly)? | deliberate(?:ly)? | on~purpose | always | never
      | compat\w*
      | deprecated | interface | abstract | legacy | no~longer | extension~point | call~?back | sentinel
      | can~be | may~be
      | kept~for | marker | disabl(?:e|ed|es) | constant | suppress | typing | type.?check\w*
      | for~(?:mypy|typing|documentation) | null~object | base~implementation | if~(?:needed|necessary) )\b
    """
)
"""Why a body may say nothing, or always the same."""
IDLE = _pattern(
    r"""
    \b(?: no-?op | no~operation | (?:does~not|doesn't|do~not|don't|nothing~to|not)~(?:do|have)~(?:any|some)?(?:thing)?
      | do(?:es)?~nothing | nothing~to | not~(?:needed|required|necessary|applicable|used) | unused | overw?ritten
      | overrid\w+ | sub-?class\w* | intentional\w* | deliberate\w* | on~purpose | by~design | when~\w+~is~disabled
      | no~\w+~to~\w+ | no~need | unnecessary | elsewhere | (?:done|handled|triggered|managed|created)~(?:by|in)
      | already~(?:done|handled) )\b
    """
)
"""That a body does nothing on purpose."""
PENDING = _pattern(r"\b(?:implement\w*|todo|fixme|yet|soon|later|future|come|coming|pending|planned|wip|unfinished)\b")
"""That work is to come."""
ABSTRACT_CLASS = _pattern(
    r"""
    \b(?: abstract | base[-~]?class | mix-?in | (?:to~be~|should~be~|must~be~|can~be~|be~)
        (?:sub-?classed|overrid\w*|inherited|extended)
      | sub-?class(?:es)?~(?:must|should|can|may|need|have|has|to|this|of~this|and|will|it) | sub-?classing
      | deriv\w+~class\w* | override | interface~(?:for|that|to~be|which|definition)
      | all~\w+~(?:must|should)~(?:implement|inherit|derive) | common~(?:base|interface) | define[sd]?~the~interface
      | inherit~from~this )\b
    """
)
"""That a class is there to be inherited from."""
ABSTRACT = _pattern(
    r"""
    \b(?: sub-?class(?:es|ed)? | overrid\w* | derived | child(?:ren)?(?:~class(?:es)?)? | abstract
      | inherit\w* | concrete
      | implementations?\b.{0,20}\b(?:must|should|need)
      | (?:must|should|needs?~to|has~to|have~to)~(?:be~)?(?:implement|provide|define|return)
      | mixin | interface | base~?class | implementers? | by~each | backends?~(?:must|should|may) )\b
    """
)
"""That a method is there to be overridden."""
UNSUPPORTED = _pattern(
    r"""
    \b(?: not?~(?:be~)?
        (?:supported|available|allowed|possible|applicable|permitted|valid|meaningful|used|needed|required)
      | unsupported | can~?not | can't | does(?:n't|~not) | do(?:n't|~not) | is(?:n't|~not) | are~not | only
      | unavailable
      | read-?only | requires? | immutable | never | should~not | shouldn't | must~not | mustn't | disabled
      | removed
      | no~longer | deprecated | use~\w+ )\b
    """
)
"""That something cannot be had."""


def suspect(text: str) -> bool:
    """Whether a text has a word that remarks about missing behaviour have; quick."""
    return _SUSPECT.search(text) is not None


def is_placeholder(line: str, *, idle: bool) -> bool:
    """Whether a comment or docstring line says that behaviour is missing here.

    Args:
        idle: the code beside it does nothing at all, so that any TODO but one about an improvement speaks of it.
    """
    marked = TODO.search(line)
    rest = (line[marked.end() :] if marked else line).strip(" -*:.#")
    if _PLAYING.search(rest):
        return True
    if idle and "not implemented" in line.lower():
        return True
    if idle and "dry" not in line.lower() and _UNDONE.search(rest):
        return True
    if not marked:
        return False
    return not _IMPROVEMENT.match(rest) if idle else _MISSING.match(rest) is not None


class Comments:
    """The comments of a module, by line; found without a tokenizer, from where the syntax tree has its strings."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._lines = module.lines

    @cached_property
    def _strings(self) -> tuple[dict[int, list[tuple[int, int]]], set[int]]:
        """Where strings stand: spans of bytes by line, and the lines that lie within one entirely."""
        spans: dict[int, list[tuple[int, int]]] = {}
        covered: set[int] = set()
        for node in self._module.of(ast.Constant, ast.JoinedStr):
            if isinstance(node, ast.JoinedStr) or isinstance(node.value, str | bytes):
                last = node.end_lineno or node.lineno
                start, end = node.col_offset, node.end_col_offset or 0
                if last == node.lineno:
                    spans.setdefault(last, []).append((start, end))
                else:
                    covered.update(range(node.lineno + 1, last))
                    spans.setdefault(node.lineno, []).append((start, 1 << 30))
                    spans.setdefault(last, []).append((0, end))
        return spans, covered

    @cached_property
    def marked(self) -> list[int]:
        """The lines whose comment may speak of something missing, in order."""
        lines = enumerate(self._lines, 1)
        return [number for number, line in lines if "#" in line and suspect(line[:MAX_LINE])]

    def of(self, line: int) -> str:
        """The comment on a line (from 1), without its `#`; "" when there is none."""
        text = self._lines[line - 1][:MAX_LINE] if 0 < line <= len(self._lines) else ""
        if "#" not in text:
            return ""
        by_line, covered = self._strings
        if line in covered:
            return ""
        encoded = text.encode()
        spans = by_line.get(line, ())
        at = encoded.find(b"#")
        while at >= 0:
            if not any(start <= at < end for start, end in spans):
                return encoded[at : at + MAX_REMARK].decode(errors="replace").lstrip("# ").rstrip()
            at = encoded.find(b"#", at + 1)
        return ""

    def inside(self, node: ast.AST, indent: int) -> list[str]:
        """The remarks on a node's lines, and of comment lines right after it that stand deeper than `indent`."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 0
        while last < len(self._lines) and last - first < MAX_LINES:
            text = self._lines[last]
            bare = text.lstrip()
            if not bare.startswith("#") or len(text) - len(bare) <= indent:
                break
            last += 1
        return self.between(first, last)

    def between(self, first: int, last: int) -> list[str]:
        """The remarks on these lines: a block of comment lines is one, split where a TODO begins."""
        found: list[str] = []
        block = False
        for line in range(first, min(last, first + MAX_LINES) + 1):
            comment = self.of(line)
            alone = bool(comment) and self._lines[line - 1].lstrip().startswith("#")
            if comment and alone and block and not TODO.match(comment) and len(found[-1]) < MAX_REMARK:
                found[-1] += " " + comment
            elif comment:
                found.append(comment)
            block = alone
        return found
