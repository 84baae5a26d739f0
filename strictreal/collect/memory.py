"""The memory service to facts: it is run for real, asked through the wire, killed and asked again.

A subject has a memory service when it has a proto of the package sfm.memory.v1 and, above it, a pyproject.toml with the
program `sfm`. Nothing of the subject is run because it is there: what is started is the `sfm` that is installed beside
strictreal, which whoever runs the audit has installed, and only if that is the subject's own, file by file. Otherwise
every act is a gap.

The server runs in strict mode: with TLS, tokens of an issuer that this run makes, and a policy. A base revision is not
run. A specimen is a recorded transcript.

In the lane `kind` the same scenario is played against the release in the user's cluster, with what that runs with. Half
precision, which needs a server of its own, is played on the installed program in every lane.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import random
import tempfile
import threading
import time
import tomllib
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from strictreal import suite
from strictreal.collect.service import scenario
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts.memory import ACTS, HalfPrecisionCall, MemoryCall, MemoryLatency, MemoryService
from strictreal.model import Fact, Gap, Inventory, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

if TYPE_CHECKING:  # gRPC takes a while to import, and few subjects have a memory service
    from strictreal.collect.kube.access import Cluster
    from strictreal.collect.service import identity, launch
    from strictreal.collect.service.stage import Stage
    from strictreal.collect.service.wire import Wire

COLLECTOR = "memory"
LANE = "kind"
UNINSTALLED = "uninstalled"
UNITS = ("MemoryService", *(act.__name__ for act in ACTS))
PACKAGE = "sfm.memory.v1"
SERVICE = f"{PACKAGE}.MemoryService"
PROGRAM = "sfm"
TRANSCRIPT = "transcript.json"
"""In a specimen: what a service answered, or should never have."""
KILL_SECONDS = (0.05, 0.4)
"""After how long the server is killed while it stores."""
UNEXPECTED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading an answer of a cluster raises that has another shape than the API's."""
SETTINGS = {
    "dimension": str(scenario.EMBEDDED.dimension),
    "feature_names": ",".join(scenario.EMBEDDED.features),
    "importance_slope": "1.25",
    "importance_centre": "0.5",
    "alpha": "1.0",
    "beta": "1.0",
    "tau_seconds": "inf",
    "retention_gammas": "0.5,0.3,0.2,0.0",
    "retention_tau_seconds": "604800.0",
}
"""What the run sets, so that a check knows the parameters that a request leaves out."""
LIMITS = {"rate_per_second": "20", "rate_burst": "250"}
"""Of the server in half precision: low enough to be reached, and above what its own act asks for."""


class Declared(NamedTuple):
    """A memory service as the subject declares it."""

    proto: str
    distribution: str
    folder: str
    """Of its pyproject.toml, in the subject."""


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """The transcript of the subject's memory service; nothing where it has none."""
    if tree.root.is_relative_to(suite.root() / "checks" / "specimens"):
        yield from _recorded(tree)
    elif tree.origin != "revision" and (declared := declaration(tree)):
        with session.watch("Exercise the memory service", ACTS) as advance:
            if session.lane == LANE:
                yield from _in_cluster(tree, config, declared, session, advance)
            else:
                yield exercise(tree, declared, session, advance)


def declaration(tree: Tree) -> Declared | None:
    """The memory service that a subject declares, if it does."""
    for entry in tree:
        if not entry.path.endswith(".proto") or PACKAGE.encode() not in tree.read(entry.path):
            continue
        for folder in PurePosixPath(entry.path).parents:
            project = str(folder / "pyproject.toml")
            if project not in tree.paths:
                continue
            try:
                found = tomllib.loads(tree.read(project).decode())["project"]
                if PROGRAM in found.get("scripts", {}):
                    return Declared(entry.path, str(found["name"]), str(folder))
            except (KeyError, AttributeError, ValueError):
                continue  # whoever reads pyproject.toml for its own sake tells of it
    return None


def exercise(tree: Tree, declared: Declared, session: Session, advance: Callable[[int], None]) -> Observation:
    """Play the scenario; an act that cannot be played to its end is a gap."""
    from strictreal.collect.service.wire import Wire

    facts: list[Fact] = []
    reason = ""
    try:
        version = installed(tree, declared)
        policies = tree.root / declared.folder / PROGRAM / "policy"
        wire = Wire(_compiled(declared.proto, tree.read(declared.proto), session), SERVICE)
        facts = list(_play(declared, wire, version, policies, advance))
    except (StrictRealError, OSError) as error:
        reason = redact(str(error), 300)
    return _accounted(tree.digest, declared.proto, facts, reason)


def _compiled(path: str, source: bytes, session: Session) -> bytes:
    from strictreal.collect.service.wire import compile_proto

    compiled = session.bounded(compile_proto, [source])[0]
    if isinstance(compiled, str):
        raise StrictRealError(f"{path} does not compile: {compiled}")
    return compiled


def _in_cluster(
    tree: Tree, config: Config, declared: Declared, session: Session, advance: Callable[[int], None]
) -> Iterator[Observation]:
    """Play the scenario against the release; an act that cannot be played to its end is a gap."""
    from strictreal.collect.kube.access import connect

    facts: list[Fact] = []
    try:
        cluster = connect(session.cluster, tree.root)
    except StrictRealError as error:
        yield _accounted(tree.digest, declared.proto, facts, redact(str(error), 300))
        return
    reason = ""
    try:
        facts.extend(_released(cluster, tree, config, declared, session, advance))
    except (StrictRealError, OSError, *UNEXPECTED) as error:
        known = isinstance(error, (StrictRealError, OSError))
        reason = redact(str(error) if known else f"an answer is not as expected: {error!r}", 300)
    finally:
        cluster.close()
    yield _accounted(tree.digest, declared.proto, facts, reason)
    yield Observation(collector=COLLECTOR, source="requests", digest=tree.digest, facts=tuple(cluster.requests))


def _released(
    cluster: Cluster, tree: Tree, config: Config, declared: Declared, session: Session, advance: Callable[[int], None]
) -> Iterator[Fact]:
    """What the release answers, and the installed program in half precision."""
    from strictreal.collect.kube import releases, rendering
    from strictreal.collect.service import clustered
    from strictreal.collect.service.wire import Wire

    wire = Wire(_compiled(declared.proto, tree.read(declared.proto), session), SERVICE)
    own = rendering.charts(tree, config)
    found = [
        release
        for release in releases.newest(cluster, config.cluster.namespaces)
        if release.chart in own and release.status != UNINSTALLED
    ]
    running = clustered.look(cluster, found, config.cluster.memory)
    try:
        yield from _play_half(tree, declared, wire, clustered.parameters(running.settings))
    except (StrictRealError, OSError) as error:
        yield Gap(of=HalfPrecisionCall.__name__, where=Location(declared.proto), reason=redact(str(error), 300))
    advance(1)
    yield from clustered.play(cluster, running, wire, declared.proto, advance, faults=session.cluster.faults)


def _accounted(digest: str, proto: str, facts: list[Fact], reason: str) -> Observation:
    """The facts, and for each act without any, a gap."""
    told = [fact.of if isinstance(fact, Gap) else type(fact).__name__ for fact in facts]
    seen = {*told}
    counts = [Inventory(of=unit, count=max(1, told.count(unit))) for unit in UNITS]
    missing = "the service ended before this act was played"
    gaps = [Gap(of=unit, where=Location(proto), reason=reason or missing) for unit in UNITS if unit not in seen]
    return Observation(collector=COLLECTOR, source=proto, digest=digest, facts=(*counts, *facts, *gaps))


def installed(tree: Tree, declared: Declared) -> str:
    """Version of the installed service, which is the subject's own.

    Raises:
        StrictRealError: it is not installed beside strictreal, or from other files than the subject's.
    """
    try:
        found = importlib.metadata.distribution(declared.distribution)
    except importlib.metadata.PackageNotFoundError:
        hint = f"python -m pip install {declared.folder}"
        raise StrictRealError(f"{declared.distribution} is not installed beside strictreal: {hint}") from None
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        place = Path(urllib.parse.unquote(urllib.parse.urlsplit(origin["url"]).path)).resolve()
        if place != (tree.root / declared.folder).resolve():
            raise StrictRealError(f"the installed {declared.distribution} is another folder's than the subject's")
        return found.version
    for file in found.files or ():
        own = str(PurePosixPath(declared.folder) / str(file))
        if file.suffix == ".py" and own in tree.paths and tree.read(own) != file.read_binary():
            raise StrictRealError(f"the installed {declared.distribution} differs from the subject's: {own}")
    return found.version


def _play(
    declared: Declared, wire: Wire, version: str, policies: Path, advance: Callable[[int], None]
) -> Iterator[Fact]:
    """Every act, on a server that is killed in the middle and on one in half precision, whose limits are low."""
    from strictreal.collect.service import launch, load, rate

    with _staged(declared, wire, policies, SETTINGS) as (stage, environment, folder):
        yield MemoryService(
            where=Location(declared.proto), program=f"{declared.distribution} {version}", settings=SETTINGS
        )
        latencies: list[MemoryLatency] = []
        with launch.serve(PROGRAM, environment, folder) as server:
            stage.connect(server.address)
            for act in scenario.ACTS:
                act(stage)
                advance(1)
            latencies += load.measure(stage, server.address)
            scenario.play_durability(stage, lambda: _kill_soon(server))
            stage.close()
        with launch.serve(PROGRAM, environment, folder) as server:
            stage.connect(server.address, incarnation=1)
            scenario.play_after_kill(stage)
            stage.close()
        with _in_half(stage, environment, folder) as address:
            burst = rate.play(stage, address, LIMITS)
        yield from stage.calls
        yield from latencies
        yield burst


def _play_half(tree: Tree, declared: Declared, wire: Wire, settings: Mapping[str, str]) -> Iterator[Fact]:
    """The act of half precision alone, with the settings of another server."""
    installed(tree, declared)
    with (
        _staged(declared, wire, tree.root / declared.folder / PROGRAM / "policy", settings) as staged,
        _in_half(*staged),
    ):
        yield from staged[0].calls


@contextlib.contextmanager
def _in_half(stage: Stage, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The address of a server in half precision and with low limits, on which that act was played."""
    from strictreal.collect.service import launch

    half = {"SOMA_FLOAT16": "true", "SOMA_DATA_DIR": str(folder / "half"), **_named(LIMITS)}
    with launch.serve(PROGRAM, {**environment, **half}, folder) as server:
        stage.connect(server.address)
        scenario.play_half_precision(stage)
        stage.close()
        yield server.address


@contextlib.contextmanager
def _staged(
    declared: Declared, wire: Wire, policies: Path, settings: Mapping[str, str]
) -> Iterator[tuple[Stage, dict[str, str], Path]]:
    """A stage for servers that are started here, the environment that each is given, and the folder of the run."""
    from strictreal.collect.service import identity, released
    from strictreal.collect.service.stage import Stage

    with tempfile.TemporaryDirectory(prefix="strictreal-memory-") as name:
        folder = Path(name)
        certificate, issuer = identity.Certificate(folder), identity.Issuer()
        stage = Stage(wire, declared.proto, _tokens(issuer), certificate.pem, shape=released.shape(settings))
        try:
            yield stage, _environment(folder, certificate, issuer, policies, settings), folder
        finally:
            stage.close()
            issuer.close()


def _kill_soon(server: launch.Server) -> None:
    """Kill the server in a moment that nobody knows."""

    def wait_and_kill() -> None:
        time.sleep(random.uniform(*KILL_SECONDS))  # noqa: S311 -- chance, no secret
        server.kill()

    threading.Thread(target=wait_and_kill, daemon=True).start()


def _environment(
    folder: Path,
    certificate: identity.Certificate,
    issuer: identity.Issuer,
    policies: Path,
    settings: Mapping[str, str],
) -> dict[str, str]:
    return {
        "SOMABRAIN_STRICT_REAL": "1",
        "SOMA_HOST": issuer.host,
        "SOMA_PORT": "0",
        "SOMA_SIDE_PORT": "0",
        "SOMA_DATA_DIR": str(folder / "data"),
        "SOMA_AUTH_JWKS_URL": issuer.jwks_url,
        "SOMA_AUTH_ISSUER": issuer.url,
        "SOMA_AUTH_AUDIENCE": issuer.audience,
        "SOMA_TLS_CERT": str(certificate.path),
        "SOMA_TLS_KEY": str(certificate.key_path),
        "SOMA_POLICY_DIR": str(policies),
        **_named(settings),
    }


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as the environment has them."""
    return {f"SOMA_{name.upper()}": value for name, value in settings.items()}


def _tokens(issuer: identity.Issuer) -> dict[str, str]:
    everywhere = scenario.TENANTS
    token = issuer.token("operator", everywhere, ["writer"])
    head, body, signature = token.split(".")
    return {
        "operator": token,
        "reader": issuer.token("reader", everywhere, ["reader"]),
        "stranger": issuer.token("stranger", ["elsewhere"], ["writer"]),
        "expired": issuer.token("operator", everywhere, ["writer"], lasts=-datetime.timedelta(minutes=30)),
        "other audience": issuer.token("operator", everywhere, ["writer"], audience="another"),
        "forged": f"{head}.{body}.{signature[::-1]}",
    }


class _Transcript(msgspec.Struct, forbid_unknown_fields=True):
    """A recorded transcript."""

    settings: dict[str, str]
    act: str
    calls: list[dict[str, object]]


def _recorded(tree: Tree) -> Iterator[Observation]:
    """The transcript that a specimen holds."""
    if TRANSCRIPT not in tree.paths:
        return
    recorded = msgspec.json.decode(tree.read(TRANSCRIPT), type=_Transcript)
    kind = next(act for act in ACTS if act.__name__ == recorded.act)
    facts: list[Fact] = [
        MemoryService(where=Location(TRANSCRIPT), program="recorded", settings=SETTINGS | recorded.settings)
    ]
    for order, call in enumerate(recorded.calls):
        name = f"{call['method']} #{order}"
        fields: dict[str, object] = {"where": {"path": TRANSCRIPT, "resource": name}, "type": recorded.act}
        if issubclass(kind, MemoryCall):
            fields["order"] = order
        facts.append(msgspec.convert(fields | call, kind))
    counts = (Inventory(of="MemoryService", count=1), Inventory(of=recorded.act, count=len(facts) - 1))
    yield Observation(collector=COLLECTOR, source=TRANSCRIPT, digest=tree.digest, facts=(*counts, *facts))
