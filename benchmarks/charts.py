"""Charts to facts and verdicts, against `helm template` for each + one `kubeconform` + one `conftest`, in one run.

    python benchmarks/charts.py [FOLDER [N]]

FOLDER holds charts, one a folder; without it, N = 50 charts are made from those in tests/charts/. Both sides read the
same files, render each chart with its own values and with each values file that strictreal finds beside it, for the same
Kubernetes version, with a cold cache. Answers are compared before times: rendered manifests, the verdict of the schemas
on each, and what the policies say. A peer that is not on PATH is reported as absent.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strictreal import kubeyaml
from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import manifest
from strictreal.collect.policy import charts as policies
from strictreal.config import Config
from strictreal.engines import helm, schemas
from strictreal.facts.charts import CustomResource, Manifest, Render, SchemaError
from strictreal.facts.policies import PolicyViolation
from strictreal.model import Fact, canonical
from strictreal.session import Session
from strictreal.subject import open_tree

HERE = Path(__file__).resolve().parent
POLICIES = HERE.parent / "policies"
EMBEDDED_KUBERNETES = "1.36.0"
"""What the embedded Helm renders for; the program is told to do the same."""
REPEATS = 3
Answers = set[tuple[str, ...]]
"""What was said of a chart's objects under any values."""


@dataclass(frozen=True)
class Cost:
    """What something took: wall time, and time on all processors together, in seconds."""

    wall: float
    cpu: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def best(function: Callable[[], Any]) -> tuple[Cost, Any]:
    """The shortest of REPEATS runs of something that starts processes, and the last answer."""
    costs, answer = [], None
    for _ in range(REPEATS):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        answer = function()
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(costs, key=lambda cost: cost.wall), answer


def ours(folder: Path) -> dict[str, Any]:
    """One cold run in this process: seconds from the folder to the facts, memory of the largest process, the facts."""
    start = time.perf_counter()
    tree = open_tree(folder)
    config = Config()
    with Session(Cache(None)) as session:
        observations = [*charts.collect(tree, config, session)]
        observations += policies.collect(tree, policies.find(tree, config, session), session)
        seconds = time.perf_counter() - start
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "mebibytes": memory // 1024, "facts": [f for o in observations for f in o.facts]}


def fresh(folder: Path) -> dict[str, float]:
    """The same in a process of its own."""
    done = subprocess.run((sys.executable, __file__, "--ours", str(folder)), capture_output=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def helm_templates(program: str, work: list[tuple[Path, str]], into: Path) -> None:
    """`helm template` of each chart with each values file, one after the other, into a file each."""
    for chart, overlay in work:
        command = [program, "template", "release", str(chart), "--include-crds", "--kube-version", EMBEDDED_KUBERNETES]
        command += ["--values", str(chart / overlay)] if overlay else []
        done = subprocess.run(command, capture_output=True, check=False)
        _output(into, chart, overlay).write_bytes(done.stdout)  # helm prints nothing of a chart that it refuses


def _output(into: Path, chart: Path, overlay: str) -> Path:
    """Where a render lies; what stands before the first @ is the chart."""
    return into / f"{chart.name}@{overlay.replace('/', '@')}.yaml"


def _chart_of(path: str) -> str:
    return Path(path).name.partition("@")[0]


def kubeconform(program: str, rendered: Path, schema_folder: Path) -> list[dict[str, str]]:
    """What one kubeconform says of every rendered file."""
    location = f"{schema_folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = (program, "-strict", "-output", "json", "-verbose", "-schema-location", location, str(rendered))
    done = subprocess.run(command, capture_output=True, check=False)
    return list(json.loads(done.stdout)["resources"])


def standalone_schemas(version: str, into: Path) -> None:
    """The bundled schemas as kubeconform wants them: each file with what it refers to inside, and without `$id`."""
    source = schemas.bundled()[version]
    definitions = json.loads((source / "_definitions.json").read_bytes())["$defs"]
    for path in source.glob("*-*.json"):
        text = path.read_text()
        wanted: set[str] = set()
        waiting = _references(text)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting |= _references(json.dumps(definitions[name]))
        schema = {**json.loads(text), "$defs": {name: definitions[name] for name in sorted(wanted)}}
        schema.pop("$id", None)
        (into / path.name).write_text(json.dumps(schema).replace("/api/_definitions.json#", "#"))


def _references(text: str) -> set[str]:
    return {piece.partition('"')[0] for piece in text.split("#/$defs/")[1:]}


def our_verdicts(facts: list[Fact]) -> Answers:
    """What we say of each manifest."""
    wrong = {(f.chart, f.where.resource) for f in facts if isinstance(f, SchemaError)}
    unknown = {(f.chart, f.where.resource) for f in facts if isinstance(f, CustomResource)}
    found: Answers = set()
    for fact in facts:
        if isinstance(fact, Manifest):
            key = fact.chart, fact.where.resource
            verdict = "no schema" if key in unknown else "refused" if key in wrong else "valid"
            found.add((fact.chart.split("/")[0], fact.where.resource, fact.api_version, verdict))
    return found


def their_verdicts(resources: list[dict[str, str]]) -> Answers:
    """What kubeconform says of each manifest. A built-in kind that this version lacks has no schema there."""
    names = {"statusValid": "valid", "statusInvalid": "refused"}
    found: Answers = set()
    for each in resources:
        if each["status"] in ("statusSkipped", "statusEmpty") or not each["kind"]:
            continue  # a document of comments is no manifest
        group = each["version"].rpartition("/")[0]
        missing = "refused" if schemas.is_builtin_group(group) else "no schema"
        chart = _chart_of(each["filename"])
        name = each["name"].replace("{{ generateName }}", "*")
        found.add((chart, f"{each['kind']}/{name}", each["version"], names.get(each["status"], missing)))
    return found


def conftest(program: str, rendered: Path) -> Answers:
    """What one conftest says of every rendered file, by the same policies."""
    command = (program, "test", "--policy", str(POLICIES), "--data", str(POLICIES), "--output", "json", str(rendered))
    done = subprocess.run(command, capture_output=True, check=False)
    found: Answers = set()
    for file in json.loads(done.stdout):
        found.update((_chart_of(file["filename"]), failure["msg"]) for failure in file.get("failures") or ())
    return found


def our_violations(facts: list[Fact]) -> Answers:
    """What the policies say of the manifests here."""
    found: Answers = set()
    for fact in facts:
        if isinstance(fact, PolicyViolation):
            found.add((fact.where.path.split("/")[0], f"{fact.rule}: {fact.message} ({fact.field})"))
    return found


def manifests_of(text: str) -> Counter[bytes]:
    """The objects of a rendered text."""
    found: Counter[bytes] = Counter()
    for document in manifest.texts(text):
        found.update(canonical(each.value) for each in manifest.objects(kubeyaml.parse(document.text).value))
    return found


def differing_renders(work: list[tuple[Path, str]], rendered: Path) -> list[str]:
    """Charts whose manifests are not those that the helm program gives, with what is made anew each time left aside."""
    differing = []
    for chart, overlay in work:
        theirs = manifests_of(_output(rendered, chart, overlay).read_text())
        files = {p.relative_to(chart).as_posix(): p.read_bytes() for p in chart.rglob("*") if p.is_file()}
        values = files[overlay].decode() if overlay else ""
        texts = helm.LoadedChart(files).render(values, "release", "default")
        mine: Counter[bytes] = Counter()
        for text in [*texts.values(), *(d.decode() for p, d in files.items() if "crds/" in f"{p}")]:
            mine += manifests_of(text)
        if theirs and mine != theirs:
            differing.append(f"{chart.name} {overlay}".rstrip())
    return differing


def made(into: Path, count: int) -> Path:
    """`count` charts, copies of those in tests/charts/ under other names."""
    patterns = sorted(path.parent for path in (HERE.parent / "tests" / "charts").glob("*/Chart.yaml"))
    for number in range(count):
        pattern = patterns[number % len(patterns)]
        shutil.copytree(pattern, into / f"{pattern.name}-{number:03}")
    return into


def main(arguments: list[str]) -> int:
    """Print ratios and agreements; 1 when answers differ."""
    if arguments[:1] == ["--ours"]:
        result = ours(Path(arguments[1]))
        print(json.dumps({key: result[key] for key in ("seconds", "mebibytes")}))
        return 0
    with tempfile.TemporaryDirectory(prefix="strictreal-bench-") as scratch:
        work = Path(scratch)
        count = int(arguments[1]) if len(arguments) > 1 else 50
        given = Path(arguments[0]) if arguments else made(_folder(work / "made"), count)
        folders = sorted(path.parent for path in given.glob("*/Chart.yaml"))[:count]
        for path in folders:
            shutil.copytree(path, work / "charts" / path.name)
        return compare(work)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def compare(work: Path) -> int:
    """One run over the charts of `work`/charts."""
    cost, _ = best(lambda: fresh(work / "charts"))
    runs = [fresh(work / "charts") for _ in range(REPEATS)]
    collected = Cost(min(run["seconds"] for run in runs), cost.cpu)
    facts = ours(work / "charts")["facts"]
    refused = [fact for fact in facts if isinstance(fact, Render) and fact.error]
    renders = [(work / "charts" / f.chart.split("/")[0], f.overlay) for f in facts if isinstance(f, Render)]
    charted, manifests = len({chart for chart, _ in renders}), sum(isinstance(f, Manifest) for f in facts)
    print(f"{charted} charts, {len(renders)} renders, {manifests} manifests, best of {REPEATS}")
    _row("strictreal", collected, f"{max(run['mebibytes'] for run in runs)} MiB, {cost.wall:.2f} s as a new process")
    if refused:
        print(f"  {len(refused)} charts do not render here, the first: {refused[0].chart}: {refused[0].error[:100]}")
    rendered, schema_folder = _folder(work / "rendered"), _folder(work / "schemas")
    peers: dict[str, Cost] = {}
    disagree = 0
    if not (program := shutil.which("helm")):
        print("  helm           absent, and with it what follows")
        return 0
    peers["helm template"], _ = best(lambda: helm_templates(program, renders, rendered))
    differing = differing_renders(renders, rendered)
    disagree += len(differing)
    _row("helm template", peers["helm template"], f"manifests differ in: {', '.join(differing) or 'none'}")
    if validator := shutil.which("kubeconform"):
        standalone_schemas(schemas.DEFAULT_KUBERNETES, schema_folder)
        peers["kubeconform"], said = best(lambda: kubeconform(validator, rendered, schema_folder))
        disagree += _compare("kubeconform", peers["kubeconform"], our_verdicts(facts), their_verdicts(said))
    else:
        print("  kubeconform    absent")
    if judge := shutil.which("conftest"):
        peers["conftest"], denied = best(lambda: conftest(judge, rendered))
        disagree += _compare("conftest", peers["conftest"], our_violations(facts), denied)
    else:
        print("  conftest       absent")
    total = sum(peers.values(), Cost(0, 0))
    wall, cpu, new = total.wall / collected.wall, total.cpu / collected.cpu, total.wall / cost.wall
    _row(
        "together",
        total,
        f"{wall:.1f} x ours; {new:.1f} x with the start of the process, {cpu:.1f} x by processor time",
    )
    return 1 if disagree else 0


def _row(name: str, cost: Cost, remark: str) -> None:
    print(f"  {name:14} {cost.wall:6.2f} s {cost.cpu:6.2f} s cpu  {remark}")


def _compare(name: str, cost: Cost, mine: Answers, theirs: Answers) -> int:
    differing = mine ^ theirs
    _row(name, cost, f"answers differ: {len(differing)} of {len(mine)}")
    for answer in sorted(differing)[:10]:
        print(f"      only {'ours' if answer in mine else name}: {' '.join(answer)}")
    return len(differing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
