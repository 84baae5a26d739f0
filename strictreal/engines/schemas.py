"""Schemas: Kubernetes' own by version, those of custom resource definitions, and those of a chart's values.

Validators never fetch anything: what a schema refers to is in the schema, in the bundle, or an error. Patterns are
matched by an engine that does not backtrack, which is also the kind that Kubernetes and Helm use.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from strictreal.errors import ConfigurationError, ToolMissing

if TYPE_CHECKING:
    from jsonschema_rs import Validator

DEFAULT_KUBERNETES = "1.34"
MAX_PROBLEMS = 20
"""Problems told of one document; further ones are counted."""
_DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
_FOLDER = re.compile(r"v(\d+\.\d+)\.\d+-local-strict")
_GROUP_VERSION = re.compile(r"(?:([a-z0-9][a-z0-9.-]{0,252})/)?([a-z0-9]{1,63})")
_KIND = re.compile(r"[A-Za-z0-9]{1,63}")
_LONGEST = 300


@dataclass(frozen=True)
class Problem:
    """One way in which a document is not what its schema allows; `path` leads into the document."""

    path: tuple[str | int, ...]
    message: str

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer."""
        return pointer(self.path)


def pointer(path: tuple[str | int, ...]) -> str:
    """A path into a document as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


class SchemaUnusable(ValueError):
    """A schema that cannot be used: it is broken, or refers to what is not there."""


@cache
def _root() -> Path:
    # Importing the package would load another validator; only its data is wanted.
    found = importlib.util.find_spec("kubernetes_validate")
    if found is None or not found.submodule_search_locations:
        raise ToolMissing("kubernetes-validate, which carries the Kubernetes schemas, is not installed")
    return Path(found.submodule_search_locations[0]) / "kubernetes-json-schema"


@cache
def bundled() -> dict[str, Path]:
    """The folders of strict schemas by Kubernetes version (`1.34`), oldest first."""
    found = {match[1]: path for path in _root().iterdir() if (match := _FOLDER.fullmatch(path.name))}
    return dict(sorted(found.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def require(version: str) -> str:
    """The version, if its schemas are bundled.

    Raises:
        ConfigurationError: they are not; the message names the range.
    """
    known = list(bundled())
    if version not in known:
        raise ConfigurationError(
            f"charts.kubernetes = {version!r}: name a Kubernetes version from {known[0]} to {known[-1]}"
        )
    return version


@cache
def versions() -> dict[str, str]:
    """Name and version of the packages that judge."""
    return {name: importlib.metadata.version(name) for name in ("jsonschema-rs", "kubernetes-validate")}


def signature(document: Any) -> tuple[str, str, str] | None:
    """Group ("" for core), version and kind of an object; None when it does not say them properly."""
    if not isinstance(document, dict):
        return None
    api_version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return None
    match = _GROUP_VERSION.fullmatch(api_version)
    return (match[1] or "", match[2], kind) if match else None


class KubernetesSchemas:
    """The strict schemas of one Kubernetes version: fields that it does not know are errors."""

    def __init__(self, version: str) -> None:
        import jsonschema_rs

        self.version = require(version)
        self._folder = bundled()[self.version]
        definitions = msgspec.json.decode((self._folder / "_definitions.json").read_bytes())
        self._registry = jsonschema_rs.Registry([(_DEFINITIONS, definitions)])
        self._validators: dict[tuple[str, str, str], Validator | None] = {}

    def validator(self, group: str, version: str, kind: str) -> Validator | None:
        """The validator of a kind; None when this Kubernetes version does not have the kind."""
        key = group, version, kind
        if key not in self._validators:
            self._validators[key] = self._load(*key)
        return self._validators[key]

    def _load(self, group: str, version: str, kind: str) -> Validator | None:
        short = group.partition(".")[0]
        path = self._folder / f"{kind.lower()}-{short + '-' if short else ''}{version}.json"
        if not path.is_file():
            return None
        schema = msgspec.json.decode(path.read_bytes())
        # File names shorten groups: apps.example.com/v1 must not be judged as apps/v1.
        wanted = {"group": group, "version": version, "kind": kind}
        if wanted not in schema.get("x-kubernetes-group-version-kind", ()):
            return None
        return _compile(schema, registry=self._registry)


def _compile(schema: Any, **keywords: Any) -> Validator:
    import jsonschema_rs

    # What a Secret holds must not be quoted in a message: `mask` stands for every value.
    return jsonschema_rs.validator_for(
        schema,
        offline=True,
        mask="the value",
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 20),
        **keywords,
    )


def is_builtin_group(group: str) -> bool:
    """Whether only Kubernetes itself can serve a group: the group of a custom resource has a dot in it."""
    return "." not in group


def problems(validator: Validator, document: Any) -> list[Problem]:
    """What the validator finds wrong, at most MAX_PROBLEMS, in the order of their places."""
    told = (problem for error in validator.iter_errors(document) for problem in _told(error))
    found = list(itertools.islice(told, MAX_PROBLEMS))
    if next(told, None):
        found.append(Problem((), f"has more problems than the {MAX_PROBLEMS} that are told"))
    return sorted(found, key=lambda problem: (problem.pointer, problem.message))


def _told(error: Any) -> Iterator[Problem]:
    path = tuple(error.instance_path)
    if error.kind.name == "additionalProperties":
        for name in error.kind.as_dict()["unexpected"]:
            yield Problem((*path, str(name)[:_LONGEST]), "there is no such field")
    else:
        yield Problem(path, _words(error))


def _words(error: Any) -> str:
    detail = error.kind.as_dict()
    if error.kind.name == "required":
        return f"{detail['property']} is required"[:_LONGEST]
    if error.kind.name == "type":
        return f"must be {' or '.join(detail['types'])}, is {_json_type(error.instance)}"
    return str(error.message)[:_LONGEST]


def _json_type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    kinds = ((str, "string"), (int, "integer"), (float, "number"), (dict, "object"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")


def defined(definition: Any) -> list[tuple[str, str, str]]:
    """Group, version and kind of what a CustomResourceDefinition defines; none when it does not say so properly."""
    try:
        spec = definition["spec"]
        return [(str(spec["group"]), str(version["name"]), str(spec["names"]["kind"])) for version in spec["versions"]]
    except (KeyError, TypeError):
        return []


def custom(definition: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The JSON schemas of a CustomResourceDefinition (apiextensions.k8s.io/v1), by group, version and kind.

    A structural schema is made strict, as Kubernetes' field validation is: fields that it does not name are errors
    unless it preserves unknown fields. Rules in CEL are left to the cluster.

    Raises:
        SchemaUnusable: the definition is not one that Kubernetes would accept.
    """
    try:
        spec = definition["spec"]
        group, kind = str(spec["group"]), str(spec["names"]["kind"])
        return {
            (group, str(version["name"]), kind): _strict(version["schema"]["openAPIV3Schema"], resource=True)
            for version in spec["versions"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise SchemaUnusable(f"is not a definition with a structural schema: {error!r}") from None


_METADATA = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
_COPIED = (
    *("enum", "format", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"),
    *("maxItems", "minItems", "uniqueItems", "maxLength", "minLength", "pattern"),
    *("maxProperties", "minProperties", "required"),
)


def _strict(schema: dict[str, Any], *, resource: bool = False) -> dict[str, Any]:
    """A structural OpenAPI v3 schema as JSON schema, fields that it does not name refused."""
    made = _constraints(schema)
    properties = {name: _strict(each) for name, each in schema.get("properties", {}).items()}
    if resource or schema.get("x-kubernetes-embedded-resource"):
        properties |= _METADATA
    if properties:
        made["properties"] = properties
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _strict(schema["additionalProperties"])
    elif schema.get("type") == "object":
        preserves = schema.get("x-kubernetes-preserve-unknown-fields")
        made["additionalProperties"] = bool(preserves or schema.get("additionalProperties"))
    if isinstance(schema.get("items"), dict):
        made["items"] = _strict(schema["items"])
    return made


def _constraints(schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema demands of a value itself. Inside allOf, anyOf, oneOf and not there is nothing else."""
    made = {key: schema[key] for key in _COPIED if key in schema}
    for bound, exclusive in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
        # OpenAPI's flag is a bound of its own in JSON schema.
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    elif "type" in schema:
        made["type"] = [schema["type"]]
    if schema.get("nullable") and "type" in made:
        made["type"].append("null")
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema:
            made[word] = [_demands(each) for each in schema[word]]
    if "not" in schema:
        made["not"] = _demands(schema["not"])
    return made


def _demands(schema: dict[str, Any]) -> dict[str, Any]:
    made = _constraints(schema)
    if "properties" in schema:
        made["properties"] = {name: _demands(each) for name, each in schema["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            made[word] = _demands(schema[word])
    return made


def compile_schema(schema: Any) -> Validator:
    """A validator for any JSON schema, its draft read from `$schema`.

    Raises:
        SchemaUnusable: it is no schema, or refers to what is not in it.
    """
    import jsonschema_rs

    if not isinstance(schema, dict | bool):
        raise SchemaUnusable("is not a JSON schema")
    try:
        return _compile(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise SchemaUnusable(f"cannot be used: {' '.join(str(error).split())[:_LONGEST]}") from None
