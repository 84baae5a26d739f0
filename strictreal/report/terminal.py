"""What a person sees: findings as a compiler prints them, then outcomes, then one line that sums up."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strictreal.model import Finding, Outcome, Record, Result
from strictreal.report import standing, visible

SHOWN_PER_CHECK = 10
FOLDED = 3
"""Checks of an area, none of which applies, that are told in one row."""
_STYLE = {
    Outcome.PROVEN: "green",
    Outcome.FAILED: "bold red",
    Outcome.NOT_PROVEN: "yellow",
    Outcome.WAIVED: "magenta",
    Outcome.ERROR: "bold red",
    Outcome.NOT_APPLICABLE: "dim",
}


def render(record: Record, console: Console) -> None:
    """Print the whole audit."""
    for result in record.results:
        _findings(result, console)
    console.print(_outcomes(record.results))
    if record.criteria:
        console.print(_criteria(record))
    console.print(_closing(record))
    if hidden := _hidden(record):
        console.print(Text(hidden, "yellow"), soft_wrap=True)
    for line in _subject(record):
        console.print(line, soft_wrap=True)


def _findings(result: Result, console: Console) -> None:
    shown = [finding for finding in result.findings if standing(finding)]
    for finding in shown[:SHOWN_PER_CHECK]:
        for line in _finding(finding):
            console.print(line, soft_wrap=True)
        console.print()
    if len(shown) > SHOWN_PER_CHECK:
        more = f"… {len(shown) - SHOWN_PER_CHECK} more findings of {result.check}: --format json lists them all"
        console.print(Text(more, "dim"), soft_wrap=True)
        console.print()
    if result.outcome is Outcome.ERROR:
        console.print(Text(f"ERROR   {result.check}  {visible(result.reason)}", "bold red"), soft_wrap=True)


def _finding(finding: Finding) -> Iterable[Text]:
    where = finding.where
    place = where.path + (f":{where.line}" if where.line else "") + (f":{where.column}" if where.column else "")
    head = Text.assemble(("FAILED  ", "bold red"), (finding.check, "bold"), "  ", (visible(place), "cyan"))
    if where.resource:
        head.append(f"  {visible(where.resource)}", "cyan")
    yield head
    if where.line and where.text:
        gutter = f"{where.line:>6} │ "
        yield Text.assemble((gutter, "blue"), visible(where.text))
        start = len(visible(where.text[: max(where.column - 1, 0)]))
        on_one_line = where.end_line in {0, where.line} and where.end_column > where.column
        length = len(visible(where.text[max(where.column - 1, 0) : where.end_column - 1])) if on_one_line else 1
        caret = " " * start + "^" * max(length, 1)
        yield Text.assemble(("       │ ", "blue"), (caret, "red"), " ", visible(finding.message))
    else:
        yield Text.assemble(("       = ", "blue"), visible(finding.message))
    if finding.remedy:
        yield Text.assemble(("       = ", "blue"), ("fix: ", "bold"), visible(finding.remedy))


def _outcomes(results: Iterable[Result]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in (("check", "left"), ("outcome", "left"), ("examined", "right"), ("", "left")):
        table.add_column(Text(heading, "dim"), justify=justify)  # type: ignore[arg-type]
    for name, result in _rows(results):
        outcome = Text(result.outcome.value, _STYLE[result.outcome])
        table.add_row(Text(name), outcome, Text(f"{result.examined:,}"), Text(visible(result.reason), "dim"))
    return table


def _rows(results: Iterable[Result]) -> Iterator[tuple[str, Result]]:
    """A row for each check; one for all of an area where there is nothing that any of them examines."""
    for area, grouped in itertools.groupby(results, lambda result: result.check.partition(".")[0]):
        checks = list(grouped)
        if len(checks) < FOLDED or any(result.outcome is not Outcome.NOT_APPLICABLE for result in checks):
            yield from ((result.check, result) for result in checks)
            continue
        reasons = {result.reason for result in checks}
        why = reasons.pop() if len(reasons) == 1 else "the subject has nothing that they examine"
        yield f"{area}.*", msgspec.structs.replace(checks[0], reason=f"{len(checks)} checks: {why}")


def _criteria(record: Record) -> Table:
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), title=Text(visible(record.sprint)), title_justify="left"
    )
    for heading in ("criterion", "status", ""):
        table.add_column(Text(heading, "dim"))
    for criterion in record.criteria:
        style = {"proven": "green", "waived": "magenta"}.get(criterion.status, "yellow")
        what = f"{criterion.text}" + (f" ({criterion.reason})" if criterion.reason else "")
        table.add_row(Text(visible(criterion.id)), Text(criterion.status, style), Text(visible(what), "dim"))
    return table


def _closing(record: Record) -> Text:
    counts = Counter(result.outcome for result in record.results)
    line = Text("\n")
    parts = [(outcome, counts[outcome]) for outcome in Outcome if counts[outcome]]
    for index, (outcome, count) in enumerate(parts):
        line.append(" · " if index else "").append(f"{count} {outcome.value}", _STYLE[outcome])
    if not parts:
        line.append("no check ran")
    return line.append(f"  ({record.seconds} s)", "dim")


def _hidden(record: Record) -> str:
    """How many findings are not among those printed, and how to see them; "" when all are."""
    findings = [finding for result in record.results for finding in result.findings]
    known = sum(finding.known and not finding.waived for finding in findings)
    waived = sum(bool(finding.waived) for finding in findings)
    told = [f"{known} that the base revision {visible(record.since)}".rstrip() + " has too"] if known else []
    told += [f"{waived} waived"] if waived else []
    return f"findings not shown: {', '.join(told)}: --format json lists them" if told else ""


def _subject(record: Record) -> Iterable[Text]:
    commit = f" at {record.commit[:12]}" if record.commit else ""
    dirty = f", {record.dirty} files differ from the commit" if record.dirty and record.commit else ""
    since = f", only what changed since {visible(record.since)}" if record.since else ""
    left = f", {record.left_out} files left out (the bundle names each)" if record.left_out else ""
    strict = "strict" if record.strict else "not strict"
    yield Text(f"{visible(record.subject)}{commit}{dirty}{since}{left} · lane {record.lane} · {strict}", "dim")
    for note in record.notes:
        yield Text(f"note: {visible(note)}", "yellow")
    if not record.bundle:
        yield Text(visible(record.signed), "yellow")
    else:
        style = "" if record.signed.startswith("configured") else "yellow"
        bundle = visible(record.bundle)
        verify = (" · verify: ", "dim"), f"strictreal evidence verify {bundle}"
        yield Text.assemble(bundle, "  ", (f"signed: {record.signed}", style), *verify)
