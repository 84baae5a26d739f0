"""What YAML files give a chart: Argo CD, Flux, helmfile, Skaffold, Fleet, Ansible and k3s, and the scripts of workflows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from strictreal.collect.chart import helmlines
from strictreal.collect.chart.given import UNKNOWN, Deployment, Piece

MAX_DEPTH = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_FILLED_IN = "strictreal-is-not-told"
_CONTROL = re.compile(r"(?m)^[ \t]*\{\{[^\n]{0,1000}\}\}[ \t]*$")
_INLINE = re.compile(r"(?<!\$)\{\{(?:[^{}\n]|\{(?!\{)|\}(?!\}))*\}\}")
_TELLING = re.compile(
    r"(?m)^[ \t]{0,200}(?:-[ \t]{1,20})?"
    r"(?:kind:[ \t]{0,20}[\"']?(?:HelmRelease|HelmChart|HelmChartConfig)\b|helm:|helmCharts?:|chart(?:Path|_ref)?:"
    r"|[\w.]{1,80}\.helm:)"
)
_FILLED = re.compile(r"(?m)^kind:[ \t]{0,20}[\"']?ApplicationSet\b|^(?:-[ \t]{1,20})?hosts:|^releases:")
_FILES = ("valueFiles", "valuesFiles", "values_files", "value-files", "values-files", "valuefiles", "helm_value_files")
_INLINE_VALUES = ("values", "valuesObject", "valuesInline", "valuesContent", "release_values", "overrides")
_SETS = ("set", "setString", "setValues", "parameters", "set_values")
_UNTOLD = ("valuesFrom", "setValueTemplates", "valuesTemplate", "fileParameters", "setFile", "set_file")
_CHART = ("chart", "chartPath", "chart_ref", "chart-path", "chart_path", "path")
Table = dict[str, yaml.Node]


def mentions(text: str) -> bool:
    """Whether a YAML file may deploy a chart."""
    return helmlines.mentions(text) or bool(_TELLING.search(text))


def deployments(path: str, text: str) -> Iterator[Deployment]:
    """Every place of a YAML stream that deploys a chart.

    Raises:
        ValueError: it is not YAML, even with the lines of a template taken out, or is nested more than MAX_DEPTH deep.
    """
    filled = bool(_FILLED.search(text)) or path.endswith((".gotmpl", ".tmpl", ".tpl", ".j2"))
    if filled:  # by a generator, before anybody reads it as YAML
        text = _INLINE.sub(_FILLED_IN, _CONTROL.sub("", text))
    try:
        documents = _composed(text)
    except ValueError:
        if filled or "{{" not in text:
            raise
        documents = _composed(_INLINE.sub(_FILLED_IN, _CONTROL.sub("", text)))
    for document in documents:
        yield from _walk(path, document)


def _composed(text: str) -> list[yaml.Node]:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ValueError(f"is nested more than {MAX_DEPTH} levels deep (bound: nesting)")
        return [document for document in yaml.compose_all(text, Loader=_LOADER) if document]
    except yaml.YAMLError as error:
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split())[:200]}") from error


def _walk(path: str, document: yaml.Node) -> Iterator[Deployment]:
    stack, seen = [document], set[int]()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            table = _table(node)
            yield from _of_table(path, node, table)
            stack += [value for _, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            words = [_text(each) for each in node.value]
            yield from (
                helmlines.from_words(path, _line(node), words) if any("helm" in word for word in words[:3]) else ()
            )
            stack += reversed(node.value)
        elif helmlines.mentions(node.value):
            block = getattr(node, "style", "") in {"|", ">"}
            yield from helmlines.deployments(path, node.value, _line(node) + block)


def _of_table(path: str, node: yaml.Node, table: Table) -> Iterator[Deployment]:
    kind = _text(table.get("kind"))
    group = _text(table.get("apiVersion")).partition("/")[0]
    if kind == "HelmRelease" and "spec" in table:
        yield _flux(path, table)
    elif kind in {"HelmChart", "HelmChartConfig"} and group == "helm.cattle.io":
        yield _given(path, table["spec"], _table(table.get("spec"))) if "spec" in table else _given(path, node, {})
    releases = table.get("releases")
    for each in releases.value if isinstance(releases, yaml.SequenceNode) else ():
        inner = _table(each)
        if any(name in inner for name in _CHART):
            yield _given(path, each, inner, release=_text(inner.get("name")), namespace=_text(inner.get("namespace")))
    for key, value in table.items():
        inner = _table(value)
        if key == "helm" and inner:  # Argo CD beside the chart's path, Fleet around it
            around = {name: each for name, each in table.items() if name in {"chart", "path"}}
            if around or "chart" in inner:
                yield _given(path, value, {**around, **inner}, release=_text(inner.get("releaseName")))
        elif (key.endswith(".helm") or (key in {"helm", "with"})) and any(name in inner for name in _CHART[:-1]):
            yield _given(path, value, inner, release=_text(inner.get("release_name")))


def _flux(path: str, table: Table) -> Deployment:
    spec = _table(table["spec"])
    chart = _table(spec.get("chart"))
    asked = _table(chart.get("spec")) or chart  # `spec.chart.spec.chart`, or `spec.chart.path` of the first version
    given = {**spec, **{key: each for key, each in asked.items() if key in {*_FILES, "chart", "path"}}}
    if "chart" not in asked:
        given.pop("chart", None)
    release = _text(spec.get("releaseName")) or _text(_table(table.get("metadata")).get("name"))
    return _given(path, table["spec"], given, release=release, namespace=_text(spec.get("targetNamespace")))


def _given(path: str, node: yaml.Node, table: Table, *, release: str = "", namespace: str = "") -> Deployment:
    pieces, unknown = list[Piece](), list[str]()
    for key in _FILES:
        _files(key, table.get(key), pieces, unknown)
    for key in _INLINE_VALUES:
        _values(key, table.get(key), pieces, unknown)
    for key in _SETS:
        _sets(key, table.get(key), pieces, unknown)
    for key in _UNTOLD:
        value = table.get(key)
        if value is not None and value.value:
            unknown.append(key)
    chart = next((_text(table[name]) for name in _CHART if _text(table.get(name))), UNKNOWN)
    return Deployment(
        path=path,
        line=_line(node),
        chart=chart,
        pieces=tuple(pieces),
        unknown=tuple(dict.fromkeys(unknown)),
        release="" if UNKNOWN in release else release,
        namespace="" if UNKNOWN in namespace else namespace,
    )


def _files(key: str, node: yaml.Node | None, pieces: list[Piece], unknown: list[str]) -> None:
    listed = node.value if isinstance(node, yaml.SequenceNode) else [node] if node is not None else []
    for each in listed:
        _file(key, _text(each), pieces, unknown)


def _file(key: str, name: str, pieces: list[Piece], unknown: list[str]) -> None:
    name = re.sub(r"^\$[\w-]{1,100}/", "", name)  # Argo CD's `$values/` is another source, mostly this repository
    if UNKNOWN in name or "://" in name or name.endswith(".gotmpl"):
        unknown.append(f"{key}: {name.replace(UNKNOWN, '…')[:100]}")
    elif name:
        pieces.append(Piece("file", name))


def _values(key: str, node: yaml.Node | None, pieces: list[Piece], unknown: list[str]) -> None:
    """Values as a mapping, as a text of YAML, or as a list of files and mappings."""
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            if isinstance(each, yaml.ScalarNode):
                _file(key, _text(each), pieces, unknown)
            else:
                _values(key, each, pieces, unknown)
        return
    if node is None or not node.value:
        return
    text = _text(node) if isinstance(node, yaml.ScalarNode) else yaml.serialize(node, Dumper=_DUMPER)
    if UNKNOWN in text or _FILLED_IN in text or "${{" in text:
        unknown.append(key)
    elif isinstance(node, yaml.ScalarNode) and re.fullmatch(r"[\w./-]{1,300}\.\w{1,9}", text):
        _file(key, text, pieces, unknown)
    else:
        pieces.append(Piece("yaml", text))


def _sets(key: str, node: yaml.Node | None, pieces: list[Piece], unknown: list[str]) -> None:
    """`name` and `value` pairs, or a mapping from names to values."""
    pairs = []
    for each in node.value if isinstance(node, yaml.SequenceNode) else ():
        table = _table(each)
        name, value = table.get("name"), table.get("value")
        if "name" not in table and value is not None:  # Ansible: `value: a=b`
            pieces.append(Piece("set", _text(value)))
        elif "values" in table and isinstance(table["values"], yaml.SequenceNode):
            listed = ",".join(_text(item) for item in table["values"].value)
            pairs.append((_text(name), f"{{{listed}}}", "set"))
        elif value is None:
            unknown.append(f"{key}: {_text(name)[:100]}")
        else:
            whole = key == "setString" or _text(table.get("forceString")) == "true"
            pairs.append((_text(name), _text(value), "set-string" if whole else "set"))
    if isinstance(node, yaml.MappingNode):
        pairs = [(option, _text(each), "set") for option, each in _table(node).items()]
    for option, text, kind in pairs:
        if UNKNOWN in option + text or "${{" in text:
            unknown.append(f"{key}: {option.replace(UNKNOWN, '…')[:100]}")
        else:
            escaped = text if text.startswith("{") else text.replace(",", "\\,")
            pieces.append(Piece(kind, f"{option}={escaped}"))


def _table(node: yaml.Node | None) -> Table:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {_text(key): value for key, value in node.value}


def _text(node: yaml.Node | None) -> str:
    """A scalar's text, with UNKNOWN for what a template fills in; "" for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return ""
    text = str(node.value)
    return text.replace(_FILLED_IN, UNKNOWN)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
