"""The commands of containers and services in YAML: manifests of Kubernetes, compose files, charts with their values.

A template is no YAML. It is read as YAML with its directives taken out; where even that is none, by its lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from strictreal.collect.deploy.places import KEYS, Started, by_lines, filled, is_of_tests
from strictreal.collect.pipelines import refuse_depth

_FOLDERS = frozenset({"working_dir", "workingDir", "workdir", "rootDir", "cwd", "directory"})
_VARIABLES = frozenset({"env", "environment", "envs", "variables"})
MAX_NODES = 200_000


def started(text: str) -> Iterator[Started]:
    """Every command of a file, in no particular order.

    Raises:
        ValueError: it is nested too deeply, or holds more than `MAX_NODES` nodes.
    """
    template = "{{" in text
    plain = "\n".join("" if _alone(line) else filled(line, "X") for line in text.split("\n"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        refuse_depth(plain if template else text, loader)
        documents = list(yaml.compose_all(plain if template else text, Loader=loader))
    except yaml.YAMLError:
        yield from by_lines(text)
        return
    for document in documents:
        yield from _of_document(document)


def _alone(line: str) -> bool:
    """Whether a line holds directives and nothing else, which may write any lines or none."""
    inner = line.lstrip().removeprefix("-").lstrip()
    return inner.startswith("{{") and not filled(inner, "").strip()


def _of_document(document: yaml.Node | None) -> Iterator[Started]:
    stack, seen = [document] if document else [], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > MAX_NODES:
            raise ValueError(f"holds more than {MAX_NODES} nodes (bound: nodes)")
        if isinstance(node, yaml.MappingNode):
            yield from _of_mapping(node)
            stack += [
                value
                for key, value in node.value
                if _text(key) != "services" or not isinstance(value, yaml.MappingNode)
            ]
            services = [
                value.value
                for key, value in node.value
                if _text(key) == "services" and isinstance(value, yaml.MappingNode)
            ]
            stack += [value for pairs in services for name, value in pairs if not is_of_tests(_text(name))]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def _of_mapping(node: yaml.MappingNode) -> Iterator[Started]:
    held = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    folders = tuple(v.value for k, v in held.items() if k in _FOLDERS and isinstance(v, yaml.ScalarNode))
    if isinstance(value := held.get("value"), yaml.Node) and _text(held.get("path")).rpartition("/")[2] in KEYS:
        held = held | {"command": value}  # a patch of a manifest
    variables = {k: v for key in _VARIABLES & held.keys() for k, v in _pairs(held[key])}
    parts = [(held[key], _words(held[key])) for key in KEYS if key in held]
    given = [(value, words) for value, words in parts if words]
    if len(given) > 1:
        together = tuple(word for _, words in given for word in words)
        yield Started(given[0][0].start_mark.line + 1, together, "", folders, (), variables)
    for value, words in given:
        line = value.start_mark.line + 1
        if isinstance(value, yaml.ScalarNode):
            yield Started(line, (), value.value, folders, (), variables)
        else:
            yield Started(line, words, "", folders, (), variables)


def _text(node: yaml.Node | None) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _words(value: yaml.Node) -> tuple[str, ...]:
    if isinstance(value, yaml.ScalarNode):
        return tuple(value.value.split())
    if isinstance(value, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in value.value):
        return tuple(item.value for item in value.value)
    return ()


def _pairs(value: yaml.Node) -> Iterator[tuple[str, str]]:
    """Variables as a mapping, as `NAME=value`, or as names and values."""
    if isinstance(value, yaml.MappingNode):
        for key, inner in value.value:
            if isinstance(key, yaml.ScalarNode) and isinstance(inner, yaml.ScalarNode):
                yield key.value, inner.value
    for item in value.value if isinstance(value, yaml.SequenceNode) else ():
        if isinstance(item, yaml.ScalarNode) and "=" in item.value:
            name, _, given = item.value.partition("=")
            yield name, given
        elif isinstance(item, yaml.MappingNode):
            held = {k.value: v.value for k, v in item.value if isinstance(v, yaml.ScalarNode)}
            if {"name", "value"} <= held.keys():
                yield held["name"], held["value"]
