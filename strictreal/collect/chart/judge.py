"""Rendered templates to manifests, each held against its schema and traced to the template that wrote it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from strictreal import kubeyaml
from strictreal.collect import yamlplace
from strictreal.collect.chart import manifest, secrets
from strictreal.collect.chart.manifest import Object, Text
from strictreal.collect.chart.source import Origin
from strictreal.engines import schemas
from strictreal.errors import BoundExceeded
from strictreal.facts.charts import CustomResource, Field, Manifest, SchemaError, Validation
from strictreal.model import Fact, Gap, LeftOut, Location, canonical, digest

_SECRET = re.compile(r"""^["']?kind["']?:\s*["']?Secret\b""", re.MULTILINE)
MAX_FIELDS = 300
"""Fields of a custom resource whose lines are kept."""


@dataclass(frozen=True)
class Fault:
    """Why what a template wrote cannot be applied at all."""

    reason: str
    where: Location


def held(texts: Iterable[str]) -> frozenset[str]:
    """What the Secrets among rendered texts hold; what is no manifest is left to the judge."""
    found: set[str] = set()
    for text in (text for rendered in texts if _SECRET.search(rendered) for text in manifest.texts(rendered)):
        try:
            found |= secrets.known(kubeyaml.parse(text.text).value if _SECRET.search(text.text) else None)
        except (kubeyaml.YamlError, BoundExceeded):
            continue
    return frozenset(found)


class Judge:
    """Turns what one render wrote into facts.

    Args:
        held: what the Secrets that the render wrote hold, so that it is found elsewhere too.
        passed_over: why an object is no manifest; "" when it is one.

    Attributes:
        digests: of the manifests' documents, in order.
        fault: set when a template wrote what is not a manifest.
    """

    def __init__(
        self,
        kubernetes: schemas.KubernetesSchemas,
        chart: str,
        overlay: str,
        held: Collection[str] = (),
        passed_over: Callable[[Object], str] = lambda _: "",
    ) -> None:
        self.kubernetes = kubernetes
        self.chart = chart
        self.held = held
        self.passed_over = passed_over
        self.overlays = (overlay,)
        self.digests: list[str] = []
        self.fault: Fault | None = None

    def facts(self, origin: Origin) -> Iterator[Fact]:
        """The manifests of one template or file, and what their schemas say.

        Raises:
            BoundExceeded: a document, or their number, is beyond the bounds.
        """
        for text in manifest.texts(origin.text):
            try:
                document = kubeyaml.parse(text.text)
                objects = list(manifest.objects(document.value))
            except kubeyaml.YamlError as error:
                verb = "renders to" if self.chart else "has"
                reason = f"{origin.path} {verb} what is not a manifest: {error}"
                self.fault = self.fault or Fault(reason, origin.at(text, max(error.line, 1)))
                continue
            for number, each in enumerate(objects):
                if len(self.digests) >= manifest.MAX_DOCUMENTS:
                    raise BoundExceeded(f"renders to more than {manifest.MAX_DOCUMENTS} manifests (bound: manifests)")
                if reason := self.passed_over(each):
                    where = origin.at(text, document.line)
                    yield LeftOut(where=Location(where.path, where.line), reason=reason)
                else:
                    yield from self._object(origin, text, document, each, first=not number)

    def _object(
        self, origin: Origin, text: Text, document: kubeyaml.Document, each: Object, *, first: bool
    ) -> Iterator[Fact]:
        begin = yamlplace.place(text.text, each.path)[0] if each.path else document.line
        where = origin.at(text, begin, each.resource)
        encoded = canonical(each.value)
        if len(encoded) > manifest.MAX_DOCUMENT_BYTES:
            reason = f"{each.resource} is larger than {manifest.MAX_DOCUMENT_BYTES} bytes (bound: manifest size)"
            yield from (Gap(of=unit, where=where, reason=reason) for unit in ("Manifest", "Validation"))
            return
        kept = secrets.redacted(each.value, encoded, self.held).decode()
        self.digests.append(digest(kept.encode()))
        yield Manifest(
            where=where,
            chart=self.chart,
            overlays=self.overlays,
            api_version=each.api_version,
            kind=each.kind,
            name=each.name,
            namespace=each.namespace,
            hook=each.hook,
            document=kept,
        )
        if first:
            for twice in document.duplicates:
                yield self._error(origin, text, each, twice.line, "", f"key {twice.key} is given twice")
        yield from self._validated(origin, text, each, where)

    def _validated(self, origin: Origin, text: Text, each: Object, where: Location) -> Iterator[Fact]:
        version = self.kubernetes.version
        signature = schemas.signature(each.value)
        validator = self.kubernetes.validator(*signature) if signature else None
        found: list[schemas.Problem] = []
        if validator:
            found = schemas.problems(validator, each.value)
        elif signature is None:
            found = [schemas.Problem((), "apiVersion and kind do not say what it is")]
        elif schemas.is_builtin_group(signature[0]):
            found = [schemas.Problem((), f"Kubernetes {version} does not have {each.api_version} {each.kind}")]
        else:
            yield CustomResource(
                where=where,
                chart=self.chart,
                overlays=self.overlays,
                manifest=self.digests[-1],
                fields=tuple(_fields(origin, text, each)),
            )
            return
        yield Validation(
            where=where,
            chart=self.chart,
            overlays=self.overlays,
            manifest=self.digests[-1],
            schema=f"kubernetes {version}",
        )
        for problem in found:
            line = yamlplace.place(text.text, (*each.path, *problem.path))[0]
            yield self._error(origin, text, each, line, problem.pointer, problem.message)

    def _error(self, origin: Origin, text: Text, each: Object, line: int, pointer: str, message: str) -> SchemaError:
        return SchemaError(
            where=origin.at(text, line, each.resource),
            chart=self.chart,
            overlays=self.overlays,
            pointer=pointer,
            message=message,
            values=origin.values(text, line),
        )


def _fields(origin: Origin, text: Text, each: Object) -> Iterator[Field]:
    """Where the first fields of an object were written."""
    begin = len(each.path)
    for path, line in itertools.islice(yamlplace.places(text.text, each.path).items(), MAX_FIELDS):
        where = origin.at(text, line)
        yield Field(schemas.pointer(path[begin:]), where.line, text=where.text, values=origin.values(text, line))
