"""Programs built from published Go modules, by Go's own client, and kept by the digest of what they are built from."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from kind.programs import Failure, digest, run, step
from kind.settings import HERE, cache_dir, environment, pin

CILIUM = "github.com/cilium/cilium"
NO_MODULES = "pkg/datapath/linux/modules"
"""The package of Cilium that takes a kernel without modules, which has no /proc/modules, for a broken one."""
KUBERNETES = "kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy".split()
ETCD = "go.etcd.io/etcd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What is built of one module."""

    name: str
    path: str
    version: str
    programs: dict[str, str]
    """Each program's package by its name."""
    requires: tuple[str, ...] = ()
    """Further modules, as path@version."""
    stamps: dict[str, str] = field(default_factory=dict)
    """Variables that the linker sets."""
    tags: str = "grpcnotrace"


def modules() -> dict[str, Module]:
    """Every module by name."""
    kube, cilium, etcd = (pin("cluster", n) for n in ("kubernetes", "cilium", "etcd"))
    stamps = {
        "gitVersion": f"v{kube}",
        "gitMajor": kube.split(".")[0],
        "gitMinor": kube.split(".")[1],
        "gitTreeState": "clean",
    }
    every = (
        Module(
            name="kubernetes",
            path="k8s.io/kubernetes",
            version=f"v{kube}",
            programs={n: f"k8s.io/kubernetes/cmd/{n}" for n in KUBERNETES},
            stamps={
                f"{package}.{k}": v
                for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
                for k, v in {**stamps, "buildDate": "1970-01-01T00:00:00Z"}.items()
            },
        ),
        Module(
            name="etcd",
            path=f"{ETCD}/server/v3",
            version=f"v{etcd}",
            programs={"etcd": f"{ETCD}/server/v3"},
            requires=tuple(f"{ETCD}/{part}/v3@v{etcd}" for part in ("api", "client/pkg", "client", "pkg")),
        ),
        simple("coredns", "github.com/coredns/coredns", pin("cluster", "coredns")),
        simple(
            "local-path-provisioner",
            "github.com/rancher/local-path-provisioner",
            pin("cluster", "local-path-provisioner"),
        ),
        simple("kind", "sigs.k8s.io/kind", pin("tools", "kind")),
        simple("helm", "helm.sh/helm/v3", pin("tools", "helm"), "/cmd/helm"),
        simple("opa", "github.com/open-policy-agent/opa", pin("images", "opa")),
        Module(
            name="cilium",
            path=CILIUM,
            version=f"v{cilium}",
            programs={
                "cilium-agent": f"{CILIUM}/daemon",
                "cilium-operator-generic": f"{CILIUM}/operator",
                "cilium-cni": f"{CILIUM}/plugins/cilium-cni",
                "cilium-dbg": f"{CILIUM}/cilium-dbg",
            },
            stamps={f"{CILIUM}/pkg/version.ciliumVersion": cilium},
            tags="ipam_provider_operator",
        ),
    )
    return {module.name: module for module in every}


def simple(name: str, path: str, version: str, package: str = "") -> Module:
    """A module of one program."""
    stamps = {"helm.sh/helm/v3/internal/version.version": f"v{version}"} if name == "helm" else {}
    return Module(name=name, path=path, version=f"v{version}", programs={name: path + package}, stamps=stamps)


def build(name: str) -> Path:
    """The folder with a module's programs, built when it is not there yet."""
    module = modules()[name]
    patch = (HERE / "toolexec",) if name == "cilium" else ()
    folder = cache_dir() / "go" / f"{name}-{digest(repr(module), go_version(), *patch)}"
    if folder.is_dir():
        return folder
    with step(f"build {name} {module.version}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch:
            work = Path(scratch)
            source = prepare(module, work)
            out = work / "out"
            out.mkdir()
            wrapper, variables = patched(source, work) if name == "cilium" else ((), {})
            linker = " ".join(("-s -w", *(f"-X {k}={v}" for k, v in module.stamps.items())))
            for program, package in module.programs.items():
                go(
                    work,
                    "build",
                    *wrapper,
                    "-trimpath",
                    "-tags",
                    module.tags,
                    "-ldflags",
                    linker,
                    "-o",
                    out / program,
                    package,
                    extra=variables,
                )
            out.rename(folder)
    return folder


def prepare(module: Module, work: Path) -> Path:
    """Write a go.mod that builds the module as it builds itself, whose own replacements count for no one else."""
    (work / "go.mod").write_text("module strictreal/build\n")
    source = Path(json.loads(go(work, "mod", "download", "-json", f"{module.path}@{module.version}"))["Dir"])
    its = json.loads(run("go", "mod", "edit", "-json", source / "go.mod", extra={"GOWORK": "off"}))
    edits = [f"-go={its['Go']}", *(f"-require={r}" for r in (f"{module.path}@{module.version}", *module.requires))]
    for line in its.get("Replace") or ():
        old, new = line["Old"]["Path"], line["New"]
        if "Version" in new:
            edits.append(f"-replace={old}={new['Path']}@{new['Version']}")
        elif module.name == "kubernetes":  # ./staging/…, published as modules of their own: v1.34.4 as v0.34.4
            edits.append(f"-replace={old}={old}@v0.{module.version.split('.', 1)[1]}")
    go(work, "mod", "edit", *edits)
    return source


def patched(source: Path, work: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Three lines more in one file of Cilium, by a wrapper of the compiler, since Go lets nobody lay over its module cache."""
    original = (source / NO_MODULES / "modules_linux.go").read_text("utf-8")
    anchor = "fModules, err := os.Open(loadedModulesFilepath)\n"
    if original.count(anchor) != 1:
        raise Failure(
            f"{NO_MODULES} of this Cilium is not the one that kind/golang.py knows: look whether it still needs the change"
        )
    changed = work / "modules_linux.go"
    changed.write_text(
        original.replace(anchor, anchor + "\tif errors.Is(err, os.ErrNotExist) {\n\t\treturn nil, nil\n\t}\n")
    )
    return ("-toolexec", str(HERE / "toolexec")), {
        "CHANGED_PACKAGE": f"{CILIUM}/{NO_MODULES}",
        "CHANGED_FILE": str(changed),
    }


def source(name: str) -> Path:
    """The folder of a module's source in Go's cache."""
    module = modules()[name]
    return Path(json.loads(go(Path("/"), "mod", "download", "-json", f"{module.path}@{module.version}"))["Dir"])


def crictl() -> Path:
    """A few subcommands of crictl, which Go's proxy does not have: kind and the kubelet's users ask for it."""
    folder = cache_dir() / "go" / f"crictl-{digest(HERE / 'crictl', pin('cluster', 'kubernetes'), go_version())}"
    if not folder.is_dir():
        with step("build crictl"), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".crictl-") as scratch:
            work = Path(scratch)
            shutil.copy(HERE / "crictl" / "main.go", work)
            (work / "go.mod").write_text("module strictreal/crictl\n\ngo 1.24.0\n")
            go(work, "mod", "edit", f"-require=k8s.io/cri-api@v0.{pin('cluster', 'kubernetes').split('.', 1)[1]}")
            go(work, "mod", "tidy")
            (work / "out").mkdir()
            go(work, "build", "-trimpath", "-ldflags", "-s -w", "-o", work / "out" / "crictl", ".")
            (work / "out").rename(folder)
    return folder / "crictl"


def tools() -> None:
    """kind, helm and kubectl where `find` looks first."""
    folder = cache_dir() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for module, program in (("kind", "kind"), ("helm", "helm"), ("kubernetes", "kubectl")):
        link = folder / f".{program}"
        link.unlink(missing_ok=True)
        link.symlink_to(build(module) / program)
        link.replace(folder / program)


def go(work: Path, *words: str | Path, extra: dict[str, str] | None = None) -> str:
    """Go's client, for static programs of modules alone."""
    flags = " ".join(("-mod=mod", *(f for f in environment().get("GOFLAGS", "").split() if not f.startswith("-mod"))))
    return run("go", *words, cwd=work, extra={"GOFLAGS": flags, "GOWORK": "off", "CGO_ENABLED": "0", **(extra or {})})


def go_version() -> str:
    """The compiler's, on which the programs depend."""
    return run("go", "env", "GOVERSION").strip()
