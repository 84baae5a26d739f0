"""Source files that no rule reads, told language by language: a gap each, unless the configuration accepts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from strictreal.collect import languages
from strictreal.config import Config
from strictreal.model import Fact, Gap, Inventory, LeftOut, Location
from strictreal.redact import redact

UNITS = ("UnreadLanguage", "UnreadCommands", "UnreadTests")


def facts(config: Config, found: Mapping[str, Sequence[str]]) -> Iterator[Fact]:
    """What there is to say of unread files.

    Args:
        config: whose `unread` accepts a language, with a reason.
        found: the paths that are not excluded, by language, in their order.
    """
    counts = dict.fromkeys(UNITS, 0)
    for language, paths in sorted(found.items()):
        if reason := accepted(config, language):
            yield from (
                LeftOut(
                    where=Location(path),
                    reason=f"no rule reads {language}; accepted by {config.source}: {redact(reason)}",
                )
                for path in paths
            )
            continue
        tests = [path for path in paths if languages.is_test(path)]
        for unit, those in (("UnreadCommands" if language in languages.COMMANDS else "UnreadLanguage", paths),
                            ("UnreadTests", tests)):  # fmt: skip
            if those:
                counts[unit] += 1
                yield Gap(of=unit, where=Location(those[0]), reason=_reason(language, len(those)))
    yield from (Inventory(of=unit, count=count) for unit, count in counts.items())


def accepted(config: Config, language: str) -> str:
    """The reason why the configuration accepts that a language is not read; empty when it does not."""
    return next((u.reason for u in config.unread if u.language.lower() == language.lower()), "")


def _reason(language: str, count: int) -> str:
    many = f"{count} files in {language}, which no rule reads, this one the first"
    say = f'unread = [{{ language = "{language}", reason = "…" }}]'
    return f"{many if count > 1 else f'in {language}, which no rule reads'}; to accept that, configure {say}"
