"""Charts to facts and verdicts, against `helm template` for each + one `kubeconform` + one `conftest`, in one run.

    python benchmarks/charts.py [FOLDER [N]]

FOLDER holds charts, one a folder; without it, N = 50 charts are made from those in tests/charts/. Both sides read the
same files with the charts' own values and the same Kubernetes version, with a cold cache. Answers are compared before
times: rendered manifests, and the verdict of the schemas on each. A peer that is not on PATH is reported as absent.
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
from pathlib import Path
from typing import Any

from strictreal.cache import Cache
from strictreal.collect import charts, kubeyaml
from strictreal.collect.chart import manifest
from strictreal.collect.session import Session
from strictreal.config import Charts, Config
from strictreal.engines import helm, schemas
from strictreal.facts.charts import CustomResource, Manifest, Render, SchemaError
from strictreal.model import Fact, canonical
from strictreal.subject import open_tree

HERE = Path(__file__).resolve().parent
EMBEDDED_KUBERNETES = "1.36.0"
"""What the embedded Helm renders for; the program is told to do the same."""
REPEATS = 3
Verdicts = Counter[tuple[str, str, str, str]]
"""How often (chart, kind/name, api version, verdict) was given."""


def ours(folder: Path) -> dict[str, Any]:
    """One cold run in this process: seconds from the folder to the facts, memory of the largest process, the facts."""
    start = time.perf_counter()
    tree = open_tree(folder)
    with Session(Cache(None)) as session:
        config = Config(charts=Charts(overlays=()))
        observations = list(charts.collect(tree, config, session))
        seconds = time.perf_counter() - start
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "mebibytes": memory // 1024, "facts": [f for o in observations for f in o.facts]}


def fresh(folder: Path) -> dict[str, float]:
    """The same in a process of its own, whose start is counted too."""
    start = time.perf_counter()
    done = subprocess.run((sys.executable, __file__, "--ours", str(folder)), capture_output=True, check=True)
    return {**json.loads(done.stdout), "whole": time.perf_counter() - start}


def helm_templates(program: str, folders: list[Path], into: Path) -> None:
    """`helm template` of each chart, one after the other, into a file each."""
    for chart in folders:
        command = (program, "template", "release", str(chart), "--include-crds", "--kube-version", EMBEDDED_KUBERNETES)
        done = subprocess.run(command, capture_output=True, check=False)
        (into / f"{chart.name}.yaml").write_bytes(done.stdout if not done.returncode else b"")


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


def our_verdicts(facts: list[Fact]) -> Verdicts:
    """What we say of each manifest."""
    wrong = {(f.chart, f.where.resource) for f in facts if isinstance(f, SchemaError)}
    unknown = {(f.chart, f.where.resource) for f in facts if isinstance(f, CustomResource)}
    found: Verdicts = Counter()
    for fact in facts:
        if isinstance(fact, Manifest):
            key = fact.chart, fact.where.resource
            verdict = "no schema" if key in unknown else "refused" if key in wrong else "valid"
            found[fact.chart.split("/")[0], fact.where.resource, fact.api_version, verdict] += 1
    return found


def their_verdicts(resources: list[dict[str, str]]) -> Verdicts:
    """What kubeconform says of each manifest. A built-in kind that this version lacks has no schema there."""
    names = {"statusValid": "valid", "statusInvalid": "refused"}
    found: Verdicts = Counter()
    for each in resources:
        if each["status"] in ("statusSkipped", "statusEmpty") or not each["kind"]:
            continue  # a document of comments is no manifest
        group = each["version"].rpartition("/")[0]
        missing = "refused" if schemas.is_builtin_group(group) else "no schema"
        chart = Path(each["filename"]).stem
        name = each["name"].replace("{{ generateName }}", "*")
        found[chart, f"{each['kind']}/{name}", each["version"], names.get(each["status"], missing)] += 1
    return found


def manifests_of(text: str) -> Counter[bytes]:
    """The objects of a rendered text."""
    found: Counter[bytes] = Counter()
    for document in manifest.texts(text):
        found.update(canonical(each.value) for each in manifest.objects(kubeyaml.parse(document.text).value))
    return found


def differing_renders(folders: list[Path], rendered: Path) -> list[str]:
    """Charts whose manifests are not those that the helm program gives, with what is made anew each time left aside."""
    differing = []
    for chart in folders:
        theirs = manifests_of((rendered / f"{chart.name}.yaml").read_text())
        files = {p.relative_to(chart).as_posix(): p.read_bytes() for p in chart.rglob("*") if p.is_file()}
        texts = helm.LoadedChart(files).render("", "release", "default")
        mine: Counter[bytes] = Counter()
        for text in [*texts.values(), *(d.decode() for p, d in files.items() if "crds/" in f"{p}")]:
            mine += manifests_of(text)
        if theirs and mine != theirs:
            differing.append(chart.name)
    return differing


def best(function: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest time of REPEATS, and the last answer."""
    shortest, answer = float("inf"), None
    for _ in range(REPEATS):
        start = time.perf_counter()
        answer = function()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest, answer


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
        return compare(work, [work / "charts" / path.name for path in folders])


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def compare(work: Path, folders: list[Path]) -> int:
    """One run over the charts of `work`/charts."""
    runs = [fresh(work / "charts") for _ in range(REPEATS)]
    collected = min(run["seconds"] for run in runs)
    whole = min(run["whole"] for run in runs)
    facts = ours(work / "charts")["facts"]
    renders = [fact for fact in facts if isinstance(fact, Render)]
    print(f"{len(folders)} charts, {sum(isinstance(f, Manifest) for f in facts)} manifests, best of {REPEATS}")
    print(
        f"  strictreal     {collected:6.2f} s  (a fresh process {whole:.2f} s, {max(r['mebibytes'] for r in runs)} MiB)"
    )
    refused = [fact for fact in renders if fact.error]
    if refused:
        print(f"  {len(refused)} charts do not render here, the first: {refused[0].chart}: {refused[0].error[:100]}")
    rendered, schema_folder = _folder(work / "rendered"), _folder(work / "schemas")
    peers: dict[str, float] = {}
    agree = True
    program = shutil.which("helm")
    if not program:
        print("  helm           absent, and with it what follows")
        return 0
    peers["helm template"], _ = best(lambda: helm_templates(program, folders, rendered))
    differing = differing_renders(folders, rendered)
    agree &= not differing
    print(f"  helm template  {peers['helm template']:6.2f} s  manifests differ in: {', '.join(differing) or 'none'}")
    if validator := shutil.which("kubeconform"):
        standalone_schemas(schemas.DEFAULT_KUBERNETES, schema_folder)
        peers["kubeconform"], resources = best(lambda: kubeconform(validator, rendered, schema_folder))
        mine, theirs = our_verdicts(facts), their_verdicts(resources)
        agree &= mine == theirs
        differ = ((mine - theirs) + (theirs - mine)).total()
        print(f"  kubeconform    {peers['kubeconform']:6.2f} s  verdicts differ: {differ} of {mine.total()}")
        for key in sorted((mine - theirs) | (theirs - mine))[:20]:
            print(f"      {key}: ours {mine[key]}, kubeconform {theirs[key]}")
    else:
        print("  kubeconform    absent")
    total = sum(peers.values())
    ratios = f"{total / collected:.1f} x ours, {total / whole:.1f} x with the start of the process"
    print(f"  {' + '.join(peers)}: {total:.2f} s = {ratios}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
