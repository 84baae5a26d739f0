"""Facts of a namespace with 1,000 objects, and the checks over them: seconds, against the bounds that are asked for.

    STRICTREAL_KUBECONFIG=… python benchmarks/cluster.py [N]

A chart with N objects (ConfigMaps, Secrets, Services, Roles, NetworkPolicies, Deployments without pods) is made and
installed with helm into a namespace of its own, looked at as an audit in the lane `kind` does, and removed again. Every
object must have been compared, and none may differ: a collector that saw nothing would be fast.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from strictreal import config, suite
from strictreal.check import load
from strictreal.collect import cluster
from strictreal.config import Cluster, Config
from strictreal.facts.cluster import ClusterObject, KubeRequest
from strictreal.gather import session
from strictreal.judge import FactSet
from strictreal.model import Facts, Gap
from strictreal.subject import open_tree

NAMESPACE = "strictreal-benchmark"
COLLECT_SECONDS, CHECK_SECONDS = 10, 2
"""What is asked for, with 1,000 objects."""
TEMPLATE = """
{{- range $i := until (int .Values.objects) }}
---
{{- $kind := mod $i 10 }}
{{- if lt $kind 5 }}
apiVersion: v1
kind: ConfigMap
metadata: {name: many-{{ $i }}}
data: {level: INFO, number: "{{ $i }}", text: {{ repeat 40 "a line of a file\\n" | quote }}}
{{- else if eq $kind 5 }}
apiVersion: v1
kind: Secret
metadata: {name: many-{{ $i }}}
stringData: {password: {{ printf "benchmark-%d" $i | sha256sum }}}
{{- else if eq $kind 6 }}
apiVersion: v1
kind: Service
metadata: {name: many-{{ $i }}}
spec: {selector: {app: many-{{ $i }}}, ports: [{name: http, port: 80}]}
{{- else if eq $kind 7 }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: many-{{ $i }}}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [many-{{ $i }}], verbs: [get]}]
{{- else if eq $kind 8 }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: many-{{ $i }}}
spec: {podSelector: {matchLabels: {app: many-{{ $i }}}}, policyTypes: [Ingress]}
{{- else }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: many-{{ $i }}}
spec:
  replicas: 0
  selector: {matchLabels: {app: many-{{ $i }}}}
  template:
    metadata: {labels: {app: many-{{ $i }}}}
    spec:
      containers: [{name: web, image: none, ports: [{containerPort: 80}]}]
{{- end }}
{{- end }}
"""


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    settings = config.settings()
    way = f"--kubeconfig={settings.cluster.kubeconfig[0]}"
    with tempfile.TemporaryDirectory(prefix="strictreal-benchmark-") as name:
        chart = Path(name) / "subject" / "chart"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: many\nversion: 1.0.0\n")
        (chart / "values.yaml").write_text(f"objects: {number}\n")
        (chart / "templates/many.yaml").write_text(TEMPLATE)
        try:
            installed = _run("helm", way, "install", "many", str(chart), "--namespace", NAMESPACE, "--create-namespace")
            told = _measured(chart.parent, settings)
        finally:
            _run("kubectl", way, "delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
    print(json.dumps({"objects": number, "helm_install_seconds": round(installed, 1), **told}, indent=1))
    return int(told["compared"] != number or told["findings"] != 0)


def _measured(subject: Path, settings: config.Settings) -> dict[str, float]:
    """What collecting and judging took, and what was seen."""
    wishes = Config(cluster=Cluster(namespaces=(NAMESPACE,)))
    with session(settings, cached=False, lane="kind") as shared:
        tree = open_tree(subject)
        begin = time.monotonic()
        seen = list(cluster.collect(tree, wishes, shared))
        collected = time.monotonic() - begin
    facts = FactSet(seen)
    gaps = Counter(f"{gap.of}: {gap.reason}" for gap in facts.all(Gap))
    for reason, count in gaps.items():
        print(f"{count} × {reason}", file=sys.stderr)
    begin, findings = time.monotonic(), 0
    for id, check in load(suite.root() / "checks").items():
        kinds = [parameter.facts for parameter in check.parameters if parameter.facts]
        if id.startswith("cluster.") and len(kinds) == len(check.parameters):
            given: dict[str, Facts[ClusterObject]] = {p.name: facts.facts(p.facts) for p in check.parameters if p.facts}
            findings += sum(finding.where.resource.startswith(NAMESPACE) for finding in check.judge(**given))
    judged = time.monotonic() - begin
    print(f"asked for: {COLLECT_SECONDS} s and {CHECK_SECONDS} s with 1,000 objects", file=sys.stderr)
    return {
        "collect_seconds": round(collected, 2),
        "check_seconds": round(judged, 2),
        "compared": len(facts.all(ClusterObject)),
        "findings": findings,
        "requests": sum(request.count for request in facts.all(KubeRequest)),
    }


def _run(*words: str) -> float:
    """How long a program took.

    Raises:
        CalledProcessError: it failed.
    """
    begin = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
