"""Where in a YAML text a key or item stands. Slower than parsing: for texts that something is to be said about."""

from __future__ import annotations

from typing import Any

import yaml

from strictreal.kubeyaml import MAX_NODES, key_text, resolve

Path = tuple[str | int, ...]


def place(text: str, path: Path) -> tuple[int, int]:
    """Line and column, from 1, of the key (or item) at a path, or of the nearest thing above it that is there.

    Args:
        text: a text that `parse` has read.
        path: keys and indices from the root; () is the root itself.
    """
    node: Any = yaml.compose(text, Loader=yaml.CBaseLoader)
    if node is None:
        return 0, 0
    mark: Any = node.start_mark
    for part in path:
        step = _step(node, part)
        if step is None:
            break
        mark, node = step
    return mark.line + 1, mark.column + 1


def places(text: str, below: Path = ()) -> dict[Path, int]:
    """The line, from 1, of every key and item below a path, in the order of the text; merges are not followed.

    Args:
        text: a text that `parse` has read.
    """
    node: Any = yaml.compose(text, Loader=yaml.CBaseLoader)
    for part in below:
        step = _step(node, part)
        if step is None:
            return {}
        node = step[1]
    found: dict[Path, int] = {}
    waiting: list[tuple[Path, Any]] = [(below, node)]
    pairs: list[tuple[str | int, Any, Any]]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            pairs = [(_key_text(key), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            pairs = [(number, item, item) for number, item in enumerate(node.value)]
        else:
            continue
        if len(found) + len(pairs) > MAX_NODES:
            break  # aliases, expanded again and again
        found.update(((*path, part), mark.start_mark.line + 1) for part, mark, _ in pairs)
        waiting += [((*path, part), value) for part, _, value in reversed(pairs)]
    return found


def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in reversed(node.value):  # the last of equal keys counts
        if isinstance(key, yaml.ScalarNode) and _is_key(key, str(part)):
            return key.start_mark, value
    for key, value in reversed(node.value):
        if isinstance(key, yaml.ScalarNode) and key.value == "<<" and (found := _step(value, part)):
            return found
    return None


def _is_key(node: Any, part: str) -> bool:
    return bool(node.value == part) or _key_text(node) == part


def _key_text(node: Any) -> str:
    value = resolve(node.value) if node.style is None and node.tag.endswith(":str") else node.value
    return node.value if value is None else key_text(value, 0)
