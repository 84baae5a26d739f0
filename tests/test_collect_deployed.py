"""What deployments give a chart is rendered, wherever they give it; what nobody can tell is a gap, and never silent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import deployed, helmlines
from strictreal.collect.chart.given import UNKNOWN, Deployment, NotTold, Piece, composed
from strictreal.collect.chart.helmlines import deployments as of_script
from strictreal.config import Config, Exclude
from strictreal.engines import helm
from strictreal.facts.charts import Chart, Manifest, Render, ValuesError
from strictreal.judge import FactSet
from strictreal.model import Gap, LeftOut, Observation
from strictreal.session import Session
from strictreal.subject import open_tree

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers:
    - name: app
      image: {{ .Values.image }}
      securityContext: {privileged: {{ .Values.priv | default false }}}
"""
WEB = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "charts/web/values.yaml": "image: web:1\n",
    "charts/web/values-prod.yaml": "image: web:2\n",
    "charts/web/templates/p.yaml": POD,
}
PRIVILEGED = "priv: true\n"
ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    path: charts/web\n    helm:\n"
FLUX = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  chart: {spec: {chart: ./charts/web}}\n"


class Seen:
    def __init__(self, observations: list[Observation]) -> None:
        self.facts = [fact for observation in observations for fact in observation.facts]
        self.set = FactSet(observations)

    def all(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def privileged(self) -> set[str]:
        """The labels of the renders with a privileged container."""
        return {
            overlay
            for manifest in self.all(Manifest)
            if json.loads(manifest.document)["spec"]["containers"][0]["securityContext"]["privileged"]
            for overlay in manifest.overlays
        }

    @property
    def gaps(self) -> set[tuple[str, int]]:
        """Where gaps are, of which each must be one of everything that a render shows."""
        places: dict[tuple[str, int], set[str]] = {}
        for gap in self.all(Gap):
            places.setdefault((gap.where.path, gap.where.line), set()).add(gap.of)
        assert all(units >= set(deployed.UNITS) for units in places.values())
        return set(places)


def seen(root: Path, files: dict[str, str], config: Config | None = None, cache: Path | None = None) -> Seen:
    lay(root, {**WEB, **files})
    with Session(Cache(cache), jobs=1) as session:
        return Seen(list(charts.collect(open_tree(root), config or Config(), session)))


RENDERED = {
    "an option of a command": ("deploy.sh", "helm upgrade --install web charts/web --set priv=true\n", 1),
    "an option with an equals sign": ("x/deploy.sh", "helm upgrade web ../charts/web --set=a=b,priv=true\n", 1),
    "a command over several lines": (
        "deploy.sh",
        "set -e\nhelm upgrade web \\\n  charts/web \\\n  --set priv=true\n",
        2,
    ),
    "a folder gone to": ("deploy.sh", "cd charts\nhelm install web ./web --set-json 'priv=true'\n", 2),
    "a literal": ("deploy.sh", "helm install web oci://example.org/charts/web --set-literal priv=yes\n", 1),
    "variables": ("deploy.sh", 'C=charts/web\nHELM=helm\nARGS="--set priv=true"\n$HELM upgrade web "$C" $ARGS\n', 4),
    "a shell in a shell": ("deploy.sh", "bash -c 'helm upgrade web charts/web --set priv=true'\n", 1),
    "a here document": ("deploy.sh", "ssh host <<EOF\nhelm upgrade web charts/web --set priv=true\nEOF\n", 2),
    "a Makefile": ("Makefile", "CHART := charts/web\nup:\n\t@helm upgrade web $(CHART) --set priv=true\n", 3),
    "a Makefile that appends": (
        "Makefile",
        "F := --set a=b\nF += --set \\\n  priv=true\nup:\n\thelm upgrade web charts/web $(F)\n",
        5,
    ),
    "a script without an ending": (
        "bin/deploy",
        "#!/usr/bin/env bash\nhelm upgrade web charts/web --set priv=true\n",
        2,
    ),
    "a workflow": (
        ".github/workflows/d.yml",
        "jobs:\n  d:\n    steps:\n      - run: |\n          helm upgrade web charts/web --set priv=true\n",
        5,
    ),
    "the words of a container": ("job.yaml", "args:\n  [helm, upgrade, web, charts/web, --set, priv=true]\n", 2),
    "a pipeline in Groovy": ("Jenkinsfile", "sh 'helm upgrade web charts/web --set priv=true'\n", 1),
    "values of Argo CD": ("app.yaml", f"{ARGO}      values: |\n        priv: true\n", 7),
    "an object of Argo CD": ("app.yaml", f"{ARGO}      valuesObject: {{priv: true}}\n", 7),
    "parameters of Argo CD": ("app.yaml", f'{ARGO}      parameters: [{{name: priv, value: "true"}}]\n', 7),
    "several sources of Argo CD": (
        "app.yaml",
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n    - path: charts/web\n"
            "      helm: {valuesObject: {priv: true}}\n"
        ),
        6,
    ),
    "values of Flux": ("release.yaml", f"{FLUX}  values: {{priv: true}}\n", 4),
    "values of helmfile": (
        "helmfile.yaml",
        "releases:\n  - name: web\n    chart: ./charts/web\n    values:\n      - priv: true\n",
        2,
    ),
    "a set of helmfile": (
        "helmfile.yaml",
        '{{ $x := 1 }}\nreleases:\n  - chart: charts/web\n    name: web\n    set: [{name: priv, value: "true"}]\n',
        3,
    ),
    "a release of Skaffold": (
        "skaffold.yaml",
        "deploy:\n  helm:\n    releases:\n      - name: web\n        chartPath: charts/web\n        setValues: {priv: true}\n",
        4,
    ),
    "Fleet": ("fleet.yaml", "helm:\n  chart: ./charts/web\n  values: {priv: true}\n", 2),
    "Ansible": (
        "play.yml",
        "- kubernetes.core.helm:\n    chart_ref: charts/web\n    release_values: {priv: true}\n",
        2,
    ),
    "a file of any name": ("deploy.sh", "helm upgrade web charts/web -f prod.values\n", 1),
    "a list of files": (
        "deploy.sh",
        "helm upgrade web charts/web --values=charts/web/values-prod.yaml,prod.values\n",
        1,
    ),
    "a file of Argo CD": ("app.yaml", f"{ARGO}      valueFiles: [$values/prod.values]\n", 7),
    "a file in JSON": ("deploy.sh", "helm upgrade web charts/web -f prod.json\n", 1),
}


@pytest.mark.parametrize(("path", "text", "line"), RENDERED.values(), ids=RENDERED)
def test_what_a_deployment_gives_is_rendered_under_the_name_of_its_place(tmp_path, path, text, line):
    found = seen(tmp_path, {path: text, "prod.values": PRIVILEGED, "prod.json": '{"priv": true}'})
    assert found.privileged == {f"values given at {path}:{line}"}
    assert found.gaps == set()
    [render] = [render for render in found.all(Render) if render.overlay in found.privileged]
    assert (render.where.path, render.where.line, render.error) == (path, line, "")
    assert found.set.inventory["Render"] == found.set.examined("Render")


UNTOLD = {
    "a variable": ("deploy.sh", "helm upgrade web charts/web --set priv=$PRIV\n", 1),
    "a variable of two values": ("deploy.sh", "P=a\nP=b\nhelm upgrade web charts/web --set priv=$P\n", 3),
    "an input of a workflow": ("a.yml", "- run: helm upgrade web charts/web --set priv=${{ inputs.priv }}\n", 1),
    "options in a variable": ("deploy.sh", "helm upgrade web charts/web $EXTRA\n", 1),
    "all arguments": ("deploy.sh", 'helm upgrade web charts/web "$@"\n', 1),
    "standard input": ("deploy.sh", "helm upgrade web charts/web -f - <<EOF\npriv: true\nEOF\n", 1),
    "a file that is not there": ("deploy.sh", "helm upgrade web charts/web -f prod.yaml\n", 1),
    "a file of a variable": ("deploy.sh", "for e in a b; do helm upgrade web charts/web -f $e.yaml; done\n", 1),
    "a file on another host": ("deploy.sh", "helm upgrade web charts/web -f https://example.org/values.yaml\n", 1),
    "values of Flux from a secret": ("r.yaml", f"{FLUX}  valuesFrom: [{{kind: Secret, name: v}}]\n", 4),
    "a command in what is no shell": ("deploy.sh", "case x in\n  helm upgrade web charts/web --set priv=true\n", 1),
    "Terraform": (
        "main.tf",
        'x = 1\nresource "helm_release" "web" {\n  chart = "${path.module}/charts/web"\n  set {\n    name = "priv"\n  }\n}\n',
        2,
    ),
    "an element of a list": (
        "deploy.sh",
        "helm upgrade web charts/web -f charts/web/values-prod.yaml --set list[1].a=b\n",
        0,
    ),
    "a release of a release": ("helmfile.yaml", "releases:\n  - chart: charts/web\n    values: ['{{ .Env.V }}']\n", 2),
    "an application for each environment": (
        "set.yaml",
        (
            "kind: ApplicationSet\nspec:\n  template:\n    spec:\n      source:\n        path: charts/web\n        helm:\n"
            "          valuesObject: {priv: '{{env}}'}\n"
        ),
        8,
    ),
}


@pytest.mark.parametrize(("path", "text", "line"), UNTOLD.values(), ids=UNTOLD)
def test_what_nobody_can_tell_is_a_gap_of_all_that_a_render_shows(tmp_path, path, text, line):
    found = seen(tmp_path, {path: text})
    assert found.gaps == {(path, line) if line else ("charts/web/Chart.yaml", 0)}


def test_what_is_told_is_rendered_beside_what_is_not(tmp_path):
    found = seen(tmp_path, {"deploy.sh": "helm upgrade web charts/web --set priv=true,tag=$TAG\n"})
    assert found.privileged == {"values given at deploy.sh:1"}
    assert found.gaps == {("deploy.sh", 1)}
    assert "--set tag" in found.all(Gap)[0].reason


QUIET = {
    "another chart": ("deploy.sh", "helm upgrade redis bitnami/redis --set auth=$PASSWORD -f redis.yaml\n"),
    "a sentence": ("deploy.sh", "echo 'run helm upgrade web charts/web --set priv=true'\n"),
    "a comment": ("deploy.sh", "# helm upgrade web charts/web --set priv=true\n"),
    "another program": ("deploy.sh", "kubectl apply -f charts/web --set priv=true\n"),
    "a file that is no script": ("NOTES", "helm upgrade web charts/web --set priv=true\n"),
    "nothing given": ("deploy.sh", "helm upgrade --install web charts/web -n live --wait\n"),
    "a commit": ("deploy.sh", "helm upgrade web charts/web --set tag=$GITHUB_SHA,n=$(git rev-parse --short HEAD)\n"),
    "another chart of Argo CD": (
        "a.yaml",
        "kind: Application\nspec: {source: {chart: redis, helm: {values: 'a: 1'}}}\n",
    ),
    "the chart's own file": ("deploy.sh", "helm upgrade web charts/web -f charts/web/values-prod.yaml\n"),
    "another chart of Terraform": ("a.tf", 'resource "helm_release" "r" {\n  chart = "redis"\n  values = []\n}\n'),
    "another tool's installation": (
        "Makefile",
        "up:\n\t$(GO) install $(if $(T),-f,) -ldflags '$(L)' k8s.io/helm/cmd\n",
    ),
    "no YAML": ("notes.yaml", "chart: {{ x\n  y: [\n"),
}


@pytest.mark.parametrize(("path", "text"), QUIET.values(), ids=QUIET)
def test_what_gives_a_chart_nothing_new_changes_nothing(tmp_path, path, text):
    found = seen(tmp_path, {path: text})
    assert found.gaps == found.privileged == set()
    [chart] = found.all(Chart)
    assert chart.overlays[0] == "values-prod.yaml"
    assert set(chart.overlays[1:]) <= {"values given at deploy.sh:1"}


def test_what_deploys_for_tests_is_left_out_and_said(tmp_path):
    found = seen(tmp_path, {"tests/e2e/up.sh": "helm install web charts/web --set priv=true,x=$Y\n"})
    assert found.gaps == found.privileged == set()
    assert ("tests/e2e/up.sh", 1) in {(left.where.path, left.where.line) for left in found.all(LeftOut)}


def test_a_deployment_of_an_unknown_one_of_several_charts_is_a_gap(tmp_path):
    other = {path.replace("web", "api"): text.replace("web", "api") for path, text in WEB.items()}
    found = seen(tmp_path, {**other, "deploy.sh": 'helm upgrade x "$CHART" --set priv=true\n'})
    assert found.gaps == {("deploy.sh", 1)}
    assert "does not tell which it is" in found.all(Gap)[0].reason


def test_variables_of_make_without_end_are_a_gap_that_names_the_bound(tmp_path):
    bomb = "".join(f"A{number} := {f'$(A{number + 1})' * 60}\n" for number in range(8))
    other = {path.replace("web", "api"): text.replace("web", "api") for path, text in WEB.items()}
    makefile = f"{bomb}A8 := x\nup:\n\t$(HELM) upgrade web charts/web --set $(A0)\n"
    for number, charts_of in enumerate(({}, other)):
        found = seen(tmp_path / str(number), {**charts_of, "Makefile": makefile})
        assert found.gaps == {("Makefile", 1)}
        assert all("bound: variables of make" in gap.reason for gap in found.all(Gap))


def test_a_file_that_a_worker_cannot_read_is_a_gap_where_it_deploys(tmp_path):
    found = seen(tmp_path, {"release.yaml": "kind: HelmRelease\nspec: [\n"})
    assert found.gaps == {("release.yaml", 0)}


def test_a_script_of_too_many_commands_is_a_gap_whatever_it_calls_helm(tmp_path):
    found = seen(tmp_path, {"Makefile": "up:\n" + "\t$(HELM) upgrade web charts/web --set priv=true\n" * 501})
    assert found.gaps == {("Makefile", 0)}
    assert "bound: commands of helm" in found.all(Gap)[0].reason


@pytest.mark.parametrize("part", ["{{ ", "{{" + " " * 100, "{{{ } ", "helm install x "])
def test_a_script_of_what_never_ends_is_read_once(part):
    """Each of these would take minutes or hours if what begins were looked for to its end every time."""
    rest = "helm upgrade web charts/web --set priv=true\n"
    [found] = of_script("s.sh", "# " + part * (500_000 // len(part)) + f"\n{rest}")
    assert [piece.text for piece in found.pieces] == ["priv=true"]
    assert not helmlines._deploys("helm install x " * 500_000)
    assert helmlines._deploys("(( helm upgrade\nhelm upgrade web \\\n -f a")


def test_excluded_files_deploy_nothing(tmp_path):
    config = Config(exclude=(Exclude(path="deploy.sh", reason="of another team"),))
    found = seen(tmp_path, {"deploy.sh": "helm upgrade web charts/web --set priv=true\n"}, config)
    assert found.gaps == found.privileged == set()


def test_a_wrong_value_is_found_on_the_line_that_gives_it(tmp_path):
    schema = '{"properties": {"image": {"type": "string"}, "priv": {"type": "boolean"}}}'
    text = "set -e\n\nhelm upgrade web charts/web --set-string priv=maybe\n"
    found = seen(tmp_path, {"charts/web/values.schema.json": schema, "deploy.sh": text})
    [error] = found.all(ValuesError)
    assert (error.where.path, error.where.line, error.key) == ("deploy.sh", 3, "priv")


def test_an_expression_that_helm_refuses_is_an_error_of_the_chart(tmp_path):
    found = seen(tmp_path, {"deploy.sh": "helm upgrade web charts/web --set priv=true,priv.a=1\n"})
    [render] = [render for render in found.all(Render) if render.error]
    assert render.overlay == "values given at deploy.sh:1"


def test_what_is_given_changes_what_the_cache_knows(tmp_path):
    script = "helm upgrade web charts/web --set priv={}\n"
    cache = tmp_path / "cache"
    for value, labels in (("false", set()), ("true", {"values given at deploy.sh:1"}), ("false", set())):
        assert seen(tmp_path / "subject", {"deploy.sh": script.format(value)}, cache=cache).privileged == labels


def test_more_deployments_than_are_rendered_are_a_gap(tmp_path):
    lines = (f"helm upgrade web charts/web --set n={number}\n" for number in range(deployed.MAX_GIVEN + 1))
    found = seen(tmp_path, {"deploy.sh": "".join(lines)})
    assert found.gaps == {("deploy.sh", deployed.MAX_GIVEN + 1)}
    assert "bound: deployments" in found.all(Gap)[0].reason


@generated(
    st.text(
        st.sampled_from("helm upgrade install web charts/web --set a=b -f $X ${} \"'`()<>|&;\n\\{}[]#"), max_size=200
    )
)
@settings(max_examples=200)
def test_any_text_is_read_as_a_script(text):
    for found in of_script("s.sh", f"helm upgrade {text}"):
        assert isinstance(found, Deployment)
        assert all(UNKNOWN not in piece.text for piece in found.pieces)


# Composing, held against the helm program.

CASES = [
    (Piece("yaml", "a: {b: 1, c: 2}\nl: [1, 2]\n"), Piece("yaml", "a: {b: 3}\nl: [4]\n")),
    (Piece("set", "a.b=1,c={x,y},d=null"), Piece("set", "a.z=true")),
    (Piece("set-string", "a=1"), Piece("set", "a=2"), Piece("set-json", 'a={"b": 1}')),
    (Piece("yaml", "a: {b: 1}\n"), Piece("set", "a.b=null"), Piece("set-literal", "s=x,y=z")),
    (Piece("set", "l[0].a=1"), Piece("set", "l[0].b=2"), Piece("set", "e\\.f/g=h")),
    (Piece("set-json", 'whole={"a": [1]}'), Piece("set", "whole.b=1")),
]
DUMP = {
    "Chart.yaml": b"apiVersion: v2\nname: dump\nversion: 1.0.0\n",
    "templates/d.yaml": b"values: {{ toJson .Values | quote }}\n",
}


def _compose(pieces: tuple[Piece, ...]) -> tuple[dict[str, Any], str]:
    with helm.quiet():
        values = composed(pieces)
        rendered = helm.LoadedChart(DUMP).render(json.dumps(values), "r", "default")
        return values, next(iter(rendered.values()))


@pytest.mark.skipif(not helm.program(), reason="no helm program")
@pytest.mark.parametrize("pieces", CASES)
def test_what_is_given_comes_out_as_the_helm_program_makes_it(tmp_path, pieces):
    lay(tmp_path, {f"dump/{path}": data for path, data in DUMP.items()})
    options = list[str]()
    for number, piece in enumerate(pieces):
        (tmp_path / f"{number}.yaml").write_text(piece.text)
        options += ["-f", f"{tmp_path}/{number}.yaml"] if piece.kind == "yaml" else [f"--{piece.kind}", piece.text]
    command = [helm.program(), "template", "r", tmp_path / "dump", *options]
    theirs = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    with Session(Cache(None), jobs=1) as session:
        [(_, ours)] = session.bounded(_compose, [pieces])
    assert theirs.partition("\nvalues: ")[2].strip() == ours.partition("values: ")[2].strip()


def test_a_json_object_without_a_key_is_all_of_the_values():
    with Session(Cache(None), jobs=1) as session:
        [(values, _)] = session.bounded(_compose, [(Piece("set-json", ' {"a": {"b": 1}}'), Piece("set", "a.c=2"))])
    assert values == {"a": {"b": 1, "c": 2}}


def _refused(pieces: tuple[Piece, ...]) -> str:
    with helm.quiet():
        try:
            composed(pieces)
        except NotTold as error:
            return str(error)
        return ""


def test_an_element_of_a_list_that_a_file_gives_is_not_told():
    with Session(Cache(None), jobs=1) as session:
        [told] = session.bounded(_refused, [(Piece("yaml", "l: [1, 2]\n"), Piece("set", "l[1]=3"))])
    assert told == "--set changes an element of a list, which is not followed here"
