"""Charts: each renders, to objects that Kubernetes knows, from values that are declared, the same every time."""

from strictreal.check import check
from strictreal.facts.charts import (
    Chart,
    KubernetesTarget,
    Manifest,
    Render,
    SchemaError,
    Template,
    UnstableTemplate,
    ValuesError,
    with_values,
)
from strictreal.model import Facts, Severity


@check(
    "charts.render",
    proves="Every chart renders, with its own values and with each values file, to at least one manifest, and has its "
    "dependencies with it.",
    remedy="Make `helm template` work on a clean checkout: give every required value a default, and keep dependencies "
    "under charts/.",
)
def test_every_chart_renders(renders: Facts[Render], templates: Facts[Template], targets: Facts[KubernetesTarget]):
    for render in renders:
        if render.error:
            yield render.finding(f"{render.chart} does not render {render.values}: {render.error}")


@check(
    "charts.schema",
    proves="Every manifest that a chart renders to, or that lies in the repository as it is, is valid by the schema of "
    "its kind, with no field that it lacks.",
    remedy="Correct the field in the template, or the value that it is filled with.",
)
def test_every_manifest_is_valid(manifests: Facts[Manifest], errors: Facts[SchemaError]):
    for error in errors:
        at = f" at {error.pointer}" if error.pointer else ""
        filled = f" (values: {', '.join(error.values)})" if error.values else ""
        yield error.finding(f"{error.where.resource}{at}: {error.message}{filled}{with_values(error.overlays)}")


@check(
    "charts.values",
    proves="Every values file is sound, gives no key twice, and is what the chart's values.schema.json allows.",
    remedy="Correct the value, or the schema if the value is meant.",
)
def test_values_are_what_their_schema_allows(errors: Facts[ValuesError]):
    for error in errors:
        yield error.finding(f"{error.key}: {error.message}" if error.key else error.message)


@check(
    "charts.values-schema",
    proves="Every chart says in a values.schema.json what its values may be.",
    remedy="Add a values.schema.json that names every value with its type and refuses all others.",
    severity=Severity.WARNING,
)
def test_values_have_a_schema(charts: Facts[Chart]):
    for chart in charts:
        if chart.kind != "library" and not chart.schema:
            yield chart.finding(
                f"chart {chart.name or chart.path} has no values.schema.json: a mistyped value is ignored"
            )


@check(
    "charts.deterministic",
    proves="Two renders of the same chart with the same values are the same, byte for byte.",
    remedy="Take passwords, certificates and times from values or from a Secret that exists already.",
)
def test_renders_are_the_same_every_time(templates: Facts[UnstableTemplate]):
    for template in templates:
        message = "writes something else at every render: random data, or the time"
        yield template.finding(f"{template.path} {message}{with_values(template.overlays)}")
