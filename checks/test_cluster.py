"""A running cluster, judged by what was seen of it: that it is what was rendered, and does what it says."""

from collections.abc import Iterator

import msgspec

from strictreal.check import check
from strictreal.facts import drift, network, rights
from strictreal.facts.cluster import (
    AccountRights,
    AdmissionTry,
    BuiltImage,
    ClusterObject,
    ClusterRelease,
    ContainerState,
    FlowTry,
    MetricsPage,
    NetworkRules,
    PodRevision,
    RunningImage,
    SearchedText,
    TlsCertificate,
    VolumeRoom,
    is_called,
    plain_reference,
)
from strictreal.model import Facts, Finding, RunTime, Severity, shortened

LONGEST = 120
"""Characters of a value that a message shows."""
WARNING_DAYS = 7
"""Before a certificate expires."""
FREE_PERCENT = 3
"""Of a volume that must be free: below it the alert KubePersistentVolumeFillingUp of kubernetes-mixin is critical."""


@check(
    "cluster.drift",
    proves="What runs is what was rendered, field by field, and nothing else runs in a release's name.",
    remedy="Change the chart or its values and upgrade the release; undo what was changed in the cluster by hand.",
)
def test_what_runs_is_what_was_rendered(
    objects: Facts[ClusterObject], releases: Facts[ClusterRelease]
) -> Iterator[Finding]:
    for release in releases:
        if release.status != "deployed":
            yield release.finding(f"release {release.where.resource} is {release.status}, and not deployed")
    scaled = set(_scaled(objects))
    for each in objects:
        name = each.where.resource
        if not each.live:
            yield each.finding(f"{name} is rendered and does not run")
        elif each.reached_by:
            yield each.finding(f"{name} is reached by {each.reached_by}, and no rendered workload has made it")
        elif not each.expected:
            yield each.finding(f"{name} says that it is of release {each.release}, which does not render it")
        else:
            expected, live = msgspec.json.decode(each.expected), msgspec.json.decode(each.live)
            for found in drift.differences(expected, live):
                if found.path == ("spec", "replicas") and (each.namespace, each.kind, each.name) in scaled:
                    continue
                rendered, runs = _shown(found.rendered), _shown(found.runs)
                yield each.finding(f"{name} {found.pointer}: rendered {rendered}, runs {runs}")


def _scaled(objects: Facts[ClusterObject]) -> Iterator[tuple[str, str, str]]:
    """The workloads whose number of pods a rendered autoscaler sets."""
    for each in objects:
        if each.kind == "HorizontalPodAutoscaler" and each.expected:
            target = msgspec.json.decode(each.expected)["spec"]["scaleTargetRef"]
            yield each.namespace, target["kind"], target["name"]


def _shown(value: object) -> str:
    """A value as a message has it."""
    return "nothing" if value is drift.MISSING else shortened(msgspec.json.encode(value).decode(), LONGEST)


@check(
    "cluster.images",
    proves="Every container of a release runs the image that was built under its name, and no other is added to it.",
    remedy="Bring the built image into the cluster and let the pods be made anew; pin what is not built here by digest.",
)
def test_what_runs_is_what_was_built(images: Facts[RunningImage], built: Facts[BuiltImage]) -> Iterator[Finding]:
    known = {plain_reference(each.reference): each.digests for each in built}
    for each in images:
        name = each.where.resource
        if not each.reference:
            yield each.finding(f"{name} runs {each.live}, and its chart renders no such container")
            continue
        if not is_called(each.live, each.reference):
            yield each.finding(f"{name}: rendered {each.reference}, runs {each.live}")
        if not each.digest:
            continue  # it was never started, which cluster.readiness tells
        pinned = each.reference.partition("@")[2]
        digests = (pinned,) if pinned else known.get(plain_reference(each.reference), ())
        if not digests:
            yield each.finding(f"{name} runs {each.reference}, which is not among the images on record")
        elif each.digest not in digests:
            yield each.finding(f"{name} runs {each.digest} as {each.reference}, which was built as {digests[-1]}")


@check(
    "cluster.admission",
    proves="Each namespace of a release refuses every pod that the level it enforces forbids, and takes one that it allows.",
    remedy="Label the namespace pod-security.kubernetes.io/enforce: restricted.",
)
def test_a_pod_that_may_too_much_is_refused(tries: Facts[AdmissionTry]) -> Iterator[Finding]:
    for each in tries:
        if not each.violation:
            if not each.admitted:
                yield each.finding(f"{each.namespace} refuses a pod that violates nothing: {each.answer}")
            continue
        level = each.level or "restricted"
        forbidden = level == "restricted" or (level == "baseline" and each.forbidden_by == "baseline")
        if forbidden and each.admitted:
            said = f"enforces {each.level}" if each.level else "enforces no Pod Security Standard"
            yield each.finding(f"{each.namespace} {said}, and a pod that {each.violation} is admitted")
        elif not forbidden and each.forbidden_by == "baseline":
            yield each.finding(f"{each.namespace} enforces {level}, which allows a pod that {each.violation}")


@check(
    "cluster.network",
    proves="Every connection that the rendered NetworkPolicies allow is made, and every other is cut.",
    remedy="Render a NetworkPolicy for what must pass; see that policies are applied, and that the network enforces them.",
)
def test_declared_connections_pass_and_no_other(
    tries: Facts[FlowTry], policies: Facts[NetworkRules]
) -> Iterator[Finding]:
    known = [(each.namespace, each.spec) for each in policies]
    for each in tries:
        may = network.allowed(each.source, each.target, each.port, each.protocol, known)
        target = f"port {each.port} of {each.where.resource}"
        if each.answer == "open" and not may:
            yield each.finding(f"{_caller(each.source)} reaches {target}, which no rendered NetworkPolicy allows")
        elif may and each.answer == "cut":
            yield each.finding(f"{_caller(each.source)} is cut from {target}, which the rendered NetworkPolicies allow")
        elif may and each.answer == "refused":
            yield each.finding(f"nobody answers {_caller(each.source)} on {target}, which it declares")


def _caller(end: dict[str, object]) -> str:
    """Who calls, in words."""
    if pod := end.get("pod"):
        return f"{end['namespace']}/Pod/{pod}"
    own, around = end.get("labels"), end.get("namespace_labels")
    words = [*(own.items() if isinstance(own, dict) else ()), *(around.items() if isinstance(around, dict) else ())]
    labels = [f"{key}={value}" for key, value in sorted(words) if not key.startswith("pod-security.")]
    return f"a pod labelled {', '.join(labels)}" if labels else "a stranger's pod"


@check(
    "cluster.rights",
    proves="No service account of a release may do more than its charts' Roles say.",
    remedy="Declare the right in the chart's Role, or take the binding away that gives it.",
)
def test_accounts_may_what_is_declared(accounts: Facts[AccountRights]) -> Iterator[Finding]:
    for each in accounts:
        for right in rights.beyond(each.held, each.declared):
            yield each.finding(f"{each.account} may {right} in {each.asked}, which no chart declares")


@check(
    "cluster.secrets",
    proves="No value of a Secret stands in a variable, an argument, a ConfigMap or a log.",
    remedy="Mount the Secret as a file and read it from there; change the value that was exposed.",
)
def test_no_secret_is_exposed(places: Facts[SearchedText]) -> Iterator[Finding]:
    for each in places:
        for secret in each.holds:
            yield each.finding(f"{each.where.resource} holds the value of Secret {secret}")
        if each.refers:
            yield each.finding(
                f"{each.where.resource} takes its value from Secret {each.refers}: it is in the environment"
            )


@check(
    "cluster.readiness",
    proves="Every container of a release is ready, says so by a probe of its own, and its probe's address agrees.",
    remedy="See why the container is not ready; give one that serves a readiness probe that asks what it serves.",
)
def test_containers_are_ready(containers: Facts[ContainerState]) -> Iterator[Finding]:
    for each in containers:
        name = each.where.resource
        if each.waiting:
            said = f"{name} does not run: {each.waiting} after {each.restarts} restarts"
            yield each.finding(said + (f"; it ended with: {each.ended}" if each.ended else ""))
        elif not each.ready:
            answer = f": {each.probe} answers {each.answer}" if each.answer else ""
            yield each.finding(
                f"{name} is not ready{answer}" + (f"; it ended with: {each.ended}" if each.ended else "")
            )
        elif each.serves and not each.probe:
            ports = ", ".join(map(str, each.serves))
            yield each.finding(f"{name} serves on {ports} and has no readiness probe: it is called ready unasked")
        elif each.answer >= 400:
            yield each.finding(f"{name} is said to be ready, but {each.probe} answers {each.answer}")


@check(
    "cluster.rollout",
    proves="Every pod is of its workload's newest revision and was started with the configuration that is there now.",
    remedy="Upgrade the release, or restart the rollout, and wait until it is complete.",
)
def test_pods_are_of_the_newest_revision(pods: Facts[PodRevision]) -> Iterator[Finding]:
    for each in pods:
        name = each.where.resource
        if not each.current:
            yield each.finding(f"{name} is of an older revision of {each.workload}")
        elif not each.settled:
            yield each.finding(f"{name}: the rollout of {each.workload} is not complete")
        for label, (rendered, runs, borne) in sorted(each.stamps.items()):
            if rendered != runs:
                yield each.finding(f"{name} {label}: rendered {rendered or 'nothing'}, runs {runs or 'nothing'}")
            elif borne and borne != runs:
                yield each.finding(f"{name} {label}: started with {runs}, its configuration is {borne}")


@check(
    "cluster.metrics",
    proves="Every pod that says where its metrics are exports them, by the names that are demanded of it.",
    remedy="Serve the metrics where the pod's annotations say, by the names that the configuration demands.",
)
def test_metrics_are_exported(pages: Facts[MetricsPage]) -> Iterator[Finding]:
    for each in pages:
        name = each.where.resource
        if each.status != 200 or not each.names:
            yield each.finding(f"{name}: its metrics are answered {each.status} with {len(each.names)} metrics")
        for wanted in each.wanted if each.names else ():
            if wanted not in each.names and f"{wanted}_total" not in each.names:
                yield each.finding(f"{name} does not export {wanted}")


@check(
    "cluster.certificates",
    proves="Every certificate in a Secret is good now and for a week, and its private key is its own.",
    remedy="Renew the certificate; put the key beside it that it was made for.",
)
def test_certificates_are_good(certificates: Facts[TlsCertificate], time: RunTime) -> Iterator[Finding]:
    for each in certificates:
        name = each.where.resource
        if each.begins > time.now:
            yield each.finding(f"{name} is not good before {each.begins}")
        if each.ends <= time.now:
            yield each.finding(f"{name} expired on {each.ends}")
        elif not each.lasts(time.now, WARNING_DAYS):
            yield each.finding(f"{name} expires on {each.ends}", severity=Severity.WARNING)
        if each.fits is False:
            yield each.finding(f"{name}: the private key beside it is another's")


@check(
    "cluster.volumes",
    proves=f"Every volume that a release's pod claims is bound, and at least {FREE_PERCENT} in 100 parts of it are free.",
    remedy="Make the volume larger, or remove what fills it; see why a claim is not bound.",
)
def test_volumes_have_room(volumes: Facts[VolumeRoom]) -> Iterator[Finding]:
    for each in volumes:
        name = each.where.resource
        if each.phase != "Bound":
            yield each.finding(f"{name} is not bound: {each.phase}")
        elif 100 * each.available < FREE_PERCENT * each.capacity:
            yield each.finding(f"{name} is full: {each.available} of {each.capacity} bytes are free")
