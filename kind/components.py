"""The images of our components: the memory service by its Dockerfile, and the parts that it needs."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from inspect import getsource
from pathlib import Path

from kind import bill, debian, golang
from kind.archive import Image, Made, make
from kind.network import place
from kind.programs import Failure, digest, run, step, succeeds
from kind.settings import ROOT, cache_dir, pin, versions

POSTGRES = "/usr/lib/postgresql/15/bin"
BASE = "localhost/strictreal-base:{suite}"
PLATFORMS = [f"--platform=manylinux_2_{n}_x86_64" for n in range(36, 16, -1)] + [
    "--platform=manylinux2014_x86_64",
    "--platform=any",
]
PYTHON = "3.11"
"""Of the Debian suite."""


def offline() -> list[Made]:
    """All of them, from packages."""
    return [opa(), redis(), postgres(), keycloak(), memory_from_packages()]


def reference(name: str) -> str:
    """As the charts name it."""
    return f"soma/{name}:{pin('images', name)}"


def opa() -> Made:
    """One static program."""
    programs = golang.build("opa")

    def fill(root: Path) -> None:
        place(programs / "opa", root / "usr/local/bin/opa")
        (root / "tmp").mkdir(mode=0o1777)
        debian.user(root, "opa", 65532)

    return make(
        Image(
            name="opa",
            reference=reference("opa"),
            fill=fill,
            inputs=(programs.name, 1),
            entrypoint=("/usr/local/bin/opa",),
            user="65532:65532",
        )
    )


def redis() -> Made:
    """Debian's."""

    def fill(root: Path) -> None:
        debian.install(root, ["redis-server", "redis-tools"])
        debian.expect(root, "redis-server", pin("images", "redis"))
        debian.user(root, "redis", 999)

    return make(
        Image(
            name="redis",
            reference=reference("redis"),
            fill=fill,
            inputs=inputs(redis),
            command=("redis-server",),
            user="999:999",
        )
    )


def postgres() -> Made:
    """Debian's, without the cluster that its package makes."""

    def fill(root: Path) -> None:
        debian.install(root, ["postgresql-15"])
        debian.expect(root, "postgresql-15", pin("images", "postgres"))
        shutil.rmtree(root / "var/lib/postgresql/15", ignore_errors=True)
        debian.user(root, "postgres", 999)

    path = f"{POSTGRES}:/usr/local/bin:/usr/bin:/bin"
    return make(
        Image(
            name="postgres",
            reference=reference("postgres"),
            fill=fill,
            inputs=inputs(postgres),
            command=("postgres",),
            user="999:999",
            path=path,
        )
    )


def keycloak() -> Made:
    """Its distribution by Maven, and Debian's Java."""

    def fill(root: Path) -> None:
        debian.install(root, ["openjdk-17-jre-headless", "bash"])
        version = pin("images", "keycloak")
        with tempfile.TemporaryDirectory() as scratch:
            run(
                "mvn",
                "--batch-mode",
                "--quiet",
                "dependency:copy",
                f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{version}:zip",
                f"-DoutputDirectory={scratch}",
                cwd=Path(scratch),
            )
            shutil.unpack_archive(Path(scratch, f"keycloak-quarkus-dist-{version}.zip"), root / "opt")
        (root / "opt" / f"keycloak-{version}").rename(root / "opt/keycloak")
        (root / "opt/keycloak/bin/kc.sh").chmod(0o755)
        for windows in (root / "opt/keycloak/bin").glob("*.bat"):
            windows.unlink()
        debian.user(root, "keycloak", 1000)

    return make(
        Image(
            name="keycloak",
            reference=reference("keycloak"),
            fill=fill,
            inputs=inputs(keycloak),
            user="1000:1000",
            entrypoint=("/opt/keycloak/bin/kc.sh",),
            environment=("LANG=C.UTF-8",),
        )
    )


def memory_from_packages() -> Made:
    """The service's own Dockerfile, on a base of Debian's packages and with wheels that were fetched before: the build has no network."""
    wheels, base = wheelhouse(), base_image()
    services = ROOT / "services"
    key = digest(*sources(services), wheels.name, base.folder.name, getsource(build_memory))
    folder = cache_dir() / "images" / f"memory-{key}"
    if not folder.is_dir():
        engine_has(base)
        with (
            step(f"make image {reference('memory')}"),
            tempfile.TemporaryDirectory(dir=folder.parent, prefix=".memory-") as scratch,
        ):
            context, out = Path(scratch, "context"), Path(scratch, "out")
            stage(services, context)
            shutil.copytree(wheels, context / "memory/wheels", copy_function=hard_link)
            out.mkdir()
            build_memory(context, base.reference, offline=True)
            run("docker", "save", "--output", out / "image.tar", reference("memory"))
            (out / "id").write_text(run("docker", "image", "inspect", "--format", "{{.Id}}", reference("memory")))
            shutil.unpack_archive(out / "image.tar", Path(scratch, "saved"))  # the engine wrote it just now
            (out / "bill.cdx.json").write_text(bill.write(reference("memory"), saved_packages(Path(scratch))))
            out.rename(folder)
        for old in folder.parent.glob(f"memory-{'[0-9a-f]' * 16}"):
            if old != folder:
                shutil.rmtree(old)
    return Made(reference("memory"), folder)


def build_memory(context: Path, base: str, *, offline: bool) -> None:
    """Build it by the engine."""
    words = [
        "--build-arg",
        f"BASE={base}",
        "--build-arg",
        f"VERSION={pin('images', 'memory')}",
        "--build-arg",
        f"REVISION={revision()}",
    ]
    if offline:
        words += [
            "--network",
            "none",
            "--build-arg",
            "PIP_NO_INDEX=1",
            "--build-arg",
            "PIP_FIND_LINKS=/src/memory/wheels",
        ]
    run(
        "docker",
        "build",
        "--quiet",
        *words,
        "--tag",
        reference("memory"),
        "--file",
        context / "memory/Dockerfile",
        context,
        extra={"DOCKER_BUILDKIT": "0" if offline else "1"},
    )


def revision() -> str:
    """The commit, or unknown outside a repository."""
    return (
        run("git", "rev-parse", "HEAD", cwd=ROOT).strip()
        if succeeds("git", "-C", ROOT, "rev-parse", "HEAD")
        else "unknown"
    )


def sources(services: Path) -> list[Path]:
    """What the image is built from: not tests, and nothing that a build has made."""
    parts = (
        "common/common",
        "common/pyproject.toml",
        "memory/sfm",
        "memory/proto",
        "memory/pyproject.toml",
        "memory/build_wire.py",
        "memory/Dockerfile",
    )
    return [
        f
        for part in parts
        for f in ([services / part] if (services / part).is_file() else sorted((services / part).rglob("*")))
        if wanted(f, services)
    ]


def wanted(path: Path, services: Path) -> bool:
    """Whether it is a source."""
    place_ = path.relative_to(services)
    return path.is_file() and "__pycache__" not in place_.parts and place_.parts[:3] != ("memory", "sfm", "memory")


def stage(services: Path, context: Path) -> None:
    """The sources alone, so that nothing else can get into the image."""
    for source in sources(services):
        target = context / source.relative_to(services)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def hard_link(source: str, target: str) -> None:
    """As shutil.copytree wants it."""
    Path(target).hardlink_to(source)


def base_image() -> Made:
    """What python:3.12-slim is elsewhere: Debian with Python."""

    def fill(root: Path) -> None:
        debian.install(
            root, ["python3", "python3-venv", "python-is-python3", "ca-certificates", "libstdc++6", "passwd"]
        )

    return make(
        Image(
            name="base",
            reference=BASE.format(suite=pin("debian", "suite")),
            fill=fill,
            inputs=inputs(base_image),
            command=("python3",),
        )
    )


def engine_has(image: Made) -> None:
    """Load an image into the engine unless it is there."""
    if not succeeds("docker", "image", "inspect", image.id) or not succeeds(
        "docker", "image", "inspect", image.reference
    ):
        run("docker", "load", "--quiet", "--input", image.archive)


def wheelhouse() -> Path:
    """Wheels of the services' dependencies and of what builds them, each one that requirements.lock has, hash by hash.

    Raises:
        Failure: a wheel that is not in the lock.
    """
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    wanted_ = set()
    for service in ("common", "memory"):
        project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text("utf-8"))
        wanted_ |= {*project["project"]["dependencies"], *project["build-system"]["requires"]} - {"soma-common"}
    folder = cache_dir() / "wheels" / digest(sorted(wanted_), lock, PYTHON)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with step("fetch wheels"), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        constraints = Path(scratch, "constraints.txt")
        constraints.write_text(
            "\n".join(line.removesuffix("\\").strip() for line in lock.splitlines() if re.match(r"[a-zA-Z0-9]", line))
        )
        out = Path(scratch, "out")
        run(
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            f"--python-version={PYTHON}",
            *PLATFORMS,
            "--constraint",
            constraints,
            "--dest",
            out,
            *sorted(wanted_),
        )
        known = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
        if strange := [w.name for w in out.iterdir() if hashlib.sha256(w.read_bytes()).hexdigest() not in known]:
            raise Failure(f"not in requirements.lock: {', '.join(strange)}")
        out.rename(folder)
    return folder


def read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    """The bytes of a regular file of an archive."""
    file = archive.extractfile(entry)
    return file.read() if file else b""


def saved_packages(scratch: Path) -> list[str]:
    """What is in the layers of a saved image: each unpacked over the one before as far as bills need it."""
    root = scratch / "root"
    for layer in json.loads((scratch / "saved/manifest.json").read_text())[0]["Layers"]:
        with tarfile.open(scratch / "saved" / layer) as archive:
            for entry in archive:
                if entry.isfile() and (
                    entry.name.endswith("dist-info/METADATA") or entry.name.removeprefix("./") == "var/lib/dpkg/status"
                ):
                    place = root.joinpath(*(part for part in Path(entry.name).parts if part not in {"/", ".."}))
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(read(archive, entry))
    return bill.of(root)


def inputs(recipe: Callable[[], Made]) -> tuple[object, ...]:
    """What an image of Debian's packages depends on, besides what Debian has now."""
    own = pin("images", recipe.__name__) if recipe.__name__ in versions()["images"] else ""
    return (getsource(recipe), pin("debian", "suite"), own, Path(__file__).with_name("debian.py"))


def published() -> None:
    """All of them in the engine, by its own client, under the names that the charts use."""
    for name in ("opa", "redis", "postgres", "keycloak"):
        if not succeeds("docker", "image", "inspect", reference(name)):
            run("docker", "pull", "--quiet", pin("published", name))
            run("docker", "tag", pin("published", name), reference(name))
    with tempfile.TemporaryDirectory() as scratch:
        stage(ROOT / "services", Path(scratch))
        build_memory(Path(scratch), pin("published", "memory-base"), offline=False)
