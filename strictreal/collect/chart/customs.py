"""Custom resources held against the definitions that the subject's charts ship."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from strictreal import suite
from strictreal.cache import Cache
from strictreal.engines import schemas
from strictreal.facts.charts import CustomResource, Manifest, SchemaError, Validation
from strictreal.model import Fact, Gap, Location, canonical, digest
from strictreal.redact import MARK
from strictreal.session import Session

Signature = tuple[str, str, str]


@dataclass(frozen=True)
class _Task:
    """One definition and the documents that it judges, as JSON."""

    definition: str
    documents: tuple[str, ...]


class _Verdict(msgspec.Struct, frozen=True):
    """What a definition says of one document: (JSON pointer, message) of each problem, or why it cannot say."""

    problems: tuple[tuple[str, str], ...] = ()
    unusable: str = ""


def judge(facts: Iterable[Fact], session: Session) -> list[Fact]:
    """A validation for each custom resource that a chart of the subject defines, and a gap for each other.

    Args:
        facts: those of all charts of one subject.
    """
    facts = list(facts)
    resources = [fact for fact in facts if isinstance(fact, CustomResource)]
    if not resources:
        return []
    manifests = {(m.where, digest(m.document.encode())): m for m in facts if isinstance(m, Manifest)}
    definitions = _definitions(manifests.values())
    judged: dict[str, list[CustomResource]] = {}
    found: list[Fact] = []
    for resource in resources:
        manifest = manifests[resource.where, resource.manifest]
        signature = schemas.signature({"apiVersion": manifest.api_version, "kind": manifest.kind})
        definition = definitions.get(signature) if signature else None
        if definition:
            judged.setdefault(definition.document, []).append(resource)
        else:
            reason = (
                f"there is no schema of {manifest.api_version} {manifest.kind}: neither Kubernetes nor a chart "
                "of this repository defines it"
            )
            found.append(Gap(of="Validation", where=resource.where, reason=reason))
    shipped = {definition.document: definition for definition in definitions.values()}
    tasks = [
        _Task(document, tuple(manifests[r.where, r.manifest].document for r in group))
        for document, group in judged.items()
    ]
    for task, verdicts in zip(tasks, _verdicts(tasks, session), strict=True):
        for resource, verdict in zip(judged[task.definition], verdicts, strict=True):
            found += _settled(resource, shipped[task.definition], verdict)
    return found


def _definitions(manifests: Iterable[Manifest]) -> dict[Signature, Manifest]:
    found: dict[Signature, Manifest] = {}
    for manifest in manifests:
        if manifest.kind == "CustomResourceDefinition" and manifest.api_version == "apiextensions.k8s.io/v1":
            found |= dict.fromkeys(schemas.defined(msgspec.json.decode(manifest.document)), manifest)
    return found


def _settled(resource: CustomResource, definition: Manifest, verdict: _Verdict) -> Iterable[Fact]:
    if verdict.unusable:
        reason = f"{definition.where.path} defines it, and {verdict.unusable}"
        yield Gap(of="Validation", where=resource.where, reason=reason)
        return
    yield Validation(
        where=resource.where,
        chart=resource.chart,
        overlays=resource.overlays,
        manifest=resource.manifest,
        schema=definition.where.path,
    )
    fields = {field.pointer: field for field in resource.fields}
    for pointer, message in verdict.problems:
        field = fields.get(pointer)
        where = resource.where
        if field:
            where = Location(where.path, field.line, text=field.text, resource=where.resource)
        yield SchemaError(
            where=where,
            chart=resource.chart,
            overlays=resource.overlays,
            pointer=pointer,
            message=message,
            values=field.values if field else (),
        )


def _verdicts(tasks: list[_Task], session: Session) -> list[tuple[_Verdict, ...]]:
    stamp = ("custom resources", suite.engine_digest(), canonical(schemas.versions()).decode())
    keys = [Cache.key(*stamp, task.definition, *task.documents) for task in tasks]
    known = session.cache.get_many(keys)
    found: dict[str, tuple[_Verdict, ...]] = {}
    for key, blob in known.items():
        found[key] = msgspec.json.decode(blob, type=tuple[_Verdict, ...])
    fresh = [(key, task) for key, task in zip(keys, tasks, strict=True) if key not in found]
    for (key, task), result in zip(fresh, session.bounded(_validate, [task for _, task in fresh]), strict=True):
        if isinstance(result, str):
            found[key] = tuple(_Verdict(unusable=result) for _ in task.documents)
        else:
            found[key] = result
            session.cache.put_many({key: canonical(result)})
    return [found[key] for key in keys]


def _validate(task: _Task) -> tuple[_Verdict, ...]:
    """judging custom resources"""
    try:
        definitions = schemas.custom(msgspec.json.decode(task.definition))
    except schemas.SchemaUnusable as error:
        return tuple(_Verdict(unusable=str(error)) for _ in task.documents)
    verdicts = []
    for text in task.documents:
        document = msgspec.json.decode(text)
        signature = schemas.signature(document)
        try:
            validator = schemas.compile_schema(definitions[signature]) if signature else None
        except schemas.SchemaUnusable as error:
            verdicts.append(_Verdict(unusable=str(error)))
            continue
        problems = schemas.problems(validator, document) if validator else []
        if any(_is_redacted(document, problem.path) for problem in problems):
            verdicts.append(_Verdict(unusable="it cannot judge a value that is secret"))
        else:
            verdicts.append(_Verdict(tuple((problem.pointer, problem.message) for problem in problems)))
    return tuple(verdicts)


def _is_redacted(document: object, path: tuple[str | int, ...]) -> bool:
    for part in path:
        if isinstance(document, dict) or (isinstance(document, list) and isinstance(part, int)):
            document = document[part]  # type: ignore[index]
    return isinstance(document, str) and MARK in document
