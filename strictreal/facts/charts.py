"""What collectors see in Helm charts and in what they render to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from strictreal.model import Located, Natural


class Chart(Located, frozen=True, kw_only=True):
    """One chart of the subject: a folder with a Chart.yaml, or a packaged .tgz. Subcharts are part of their chart."""

    name: str
    version: str
    kind: str
    """`application` or `library`; a library renders nothing by itself."""
    overlays: tuple[str, ...] = ()
    """Values files, relative to the chart, that are each rendered on top of values.yaml."""
    schema: str = ""
    """The path of its values.schema.json; "" where it has none."""


class Render(Located, frozen=True, kw_only=True):
    """One attempt to render a chart with one set of values: the unit in which rendering is examined."""

    chart: str
    overlay: str = ""
    """The values file on top of values.yaml; "" for the chart's own values alone."""
    engine: str
    """Name and version of what rendered it: `helm-sdk v4.2.3`, `helm v3.19.0`."""
    kubernetes: str
    """The Kubernetes version that templates saw in .Capabilities."""
    documents: Natural = 0
    """How many manifests came out, lists taken apart."""
    digest: str = ""
    """SHA-256 of what it renders to, as `rendered` writes it; "" when it failed."""
    error: str = ""
    """Why it does not render; "" when it does."""

    @property
    def values(self) -> str:
        """How a message calls the values."""
        return f"with {self.overlay}" if self.overlay else "with its own values"


class Template(Located, frozen=True, kw_only=True):
    """One template that Helm rendered, of the chart or of a subchart that is switched on.

    A chart none of whose templates writes a manifest, under any values, has gaps in their place.
    """

    chart: str
    overlays: tuple[str, ...] = ()
    """The values files with which it writes a manifest, "" for the chart's own values; none when it never does."""


def with_values(overlays: tuple[str, ...]) -> str:
    """How a finding ends that some values bring about; "" where the chart's own values do."""
    return "" if "" in overlays else f" with {', '.join(overlays)}"


def rendered(documents: Iterable[str]) -> bytes:
    """What a chart renders to, as JSON Lines: each manifest once, secrets redacted, in the order of their text."""
    return "".join(f"{document}\n" for document in sorted(set(documents))).encode()


class RenderPair(Located, frozen=True, kw_only=True):
    """Two renders of the same inputs, compared byte by byte."""

    chart: str
    overlay: str = ""
    identical: bool


class UnstableTemplate(Located, frozen=True, kw_only=True):
    """A template that wrote different bytes at the second render; the place is the first line that differs."""

    unit = "RenderPair"
    chart: str
    overlays: tuple[str, ...] = ("",)


class KubernetesTarget(Located, frozen=True, kw_only=True):
    """A render whose templates saw the Kubernetes version that the configuration names, or do not ask for one."""

    chart: str
    overlay: str = ""
    version: str


class Manifest(Located, frozen=True, kw_only=True):
    """One Kubernetes object that a chart renders to, or ships under crds/.

    The place is the template (or file) and the line that begins the object. A list is taken apart: its items are the
    manifests. Equal objects that several values files give are one manifest.
    """

    chart: str
    overlays: tuple[str, ...] = ("",)
    """The values files that render it, "" for the chart's own values."""
    api_version: str
    kind: str
    name: str
    """metadata.name, or metadata.generateName followed by `*`; "" when it has neither."""
    namespace: str = ""
    hook: str = ""
    """The annotation helm.sh/hook: `pre-install`, `test`, …; "" for an ordinary object."""
    document: str
    """The object as canonical JSON, as Kubernetes would read it, secrets redacted. Text, since facts hold no floats."""


class Field(msgspec.Struct, frozen=True):
    """Where one field of a manifest was written."""

    pointer: str
    """JSON pointer into the object."""
    line: Natural
    column: Natural = 0
    text: str = ""
    values: tuple[str, ...] = ()
    """Keys of the chart's values that the line names."""


class CustomResource(Located, frozen=True, kw_only=True):
    """A manifest of a kind that Kubernetes itself does not have: it needs a definition that a chart ships."""

    unit = "Manifest"
    chart: str
    overlays: tuple[str, ...] = ("",)
    manifest: str
    """SHA-256 of the manifest's document."""
    fields: tuple[Field, ...] = ()
    """Where its fields were written, for errors that are found when all definitions are known; the first 300."""


class Validation(Located, frozen=True, kw_only=True):
    """One manifest held against a schema: the unit in which schema errors are counted."""

    chart: str
    overlays: tuple[str, ...] = ("",)
    manifest: str
    """SHA-256 of the manifest's document."""
    schema: str
    """What judged it: `kubernetes 1.34`, or the path of the custom resource definition."""


class SchemaError(Located, frozen=True, kw_only=True):
    """One way in which a manifest is not what its schema allows."""

    unit = "Validation"
    chart: str
    overlays: tuple[str, ...] = ("",)
    pointer: str
    """JSON pointer into the object."""
    message: str
    values: tuple[str, ...] = ()
    """Keys of the chart's values that the template's line names."""


class ValuesFile(Located, frozen=True, kw_only=True):
    """One values file held against one values.schema.json: of the chart, or of one of its subcharts."""

    chart: str
    overlay: str = ""
    schema: str


class ValuesError(Located, frozen=True, kw_only=True):
    """One value that its schema does not allow, or that its file gives twice."""

    unit = "ValuesFile"
    chart: str
    key: str
    message: str
