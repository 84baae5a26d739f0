"""Cilium, which enforces NetworkPolicy: its image, of Debian's packages and its own Go module, and its manifest."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from kind import debian, golang
from kind.archive import Image, Made, make
from kind.programs import digest, run
from kind.settings import HERE, pin

PACKAGES = "iproute2 iptables ipset kmod ca-certificates bpftool mount containernetworking-plugins".split()
PROBE = """\
#!/bin/sh
# An engine that does not know CAP_BPF gives it to no container. The kernel takes CAP_SYS_ADMIN instead, but bpftool insists, and the
# agent asks it for the kernel's configuration alone.
[ "$*" = "-j feature probe" ] && exec /usr/sbin/bpftool -j feature probe unprivileged
exec /usr/sbin/bpftool "$@"
"""


def image() -> Made:
    """One image for the agent, its operator and the installer of its plugin."""
    version = pin("cluster", "cilium")
    programs = golang.build("cilium")
    return make(
        Image(
            name="cilium",
            reference=f"localhost/cilium:v{version}",
            fill=lambda root: fill(root, programs),
            inputs=(
                programs.name,
                PACKAGES,
                PROBE,
                pin("debian", "suite"),
                pin("debian", "llvm"),
                Path(__file__),
                HERE / "debian.py",
            ),
            command=("/usr/bin/cilium",),
        )
    )


def fill(root: Path, programs: Path) -> None:
    """Programs, compiler and the sources that the agent compiles for the kernel."""
    llvm = pin("debian", "llvm")
    debian.install(root, [*PACKAGES, f"libllvm{llvm}", f"libclang-cpp{llvm}"])
    compiler(root, llvm)
    for part in ("usr/share/perl", "usr/lib/x86_64-linux-gnu/perl"):
        shutil.rmtree(root / part, ignore_errors=True)
    source = golang.source("cilium")
    for program in ("cilium-agent", "cilium-operator-generic", "cilium-dbg"):
        place(programs / program, root / "usr/bin" / program)
    (root / "usr/bin/cilium").symlink_to("cilium-dbg")
    place(programs / "cilium-cni", root / "opt/cni/bin/cilium-cni")
    place(root / "usr/lib/cni/loopback", root / "cni/loopback")
    for script in (
        "plugins/cilium-cni/install-plugin.sh",
        "plugins/cilium-cni/cni-uninstall.sh",
        "images/cilium/init-container.sh",
    ):
        place(source / script, root / Path(script).name)
    shutil.copytree(
        source / "bpf",
        root / "var/lib/cilium/bpf",
        ignore=shutil.ignore_patterns("tests"),
        copy_function=shutil.copyfile,
    )
    for folder in (root / "var/lib/cilium/bpf", *(p for p in (root / "var/lib/cilium/bpf").rglob("*") if p.is_dir())):
        folder.chmod(0o755)
    (root / "usr/local/sbin/bpftool").write_text(PROBE)
    (root / "usr/local/sbin/bpftool").chmod(0o755)


def compiler(root: Path, llvm: str) -> None:
    """clang alone, a small program over its library: its package would bring gcc and the headers of libc."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)
        run("apt-get", "download", "--quiet", f"clang-{llvm}", cwd=Path(scratch))
        run("dpkg-deb", "--extract", next(Path(scratch).glob("clang-*.deb")), f"{scratch}/x")
        place(Path(scratch, f"x/usr/lib/llvm-{llvm}/bin/clang"), root / f"usr/lib/llvm-{llvm}/bin/clang")
    (root / "usr/bin/clang").symlink_to(f"../lib/llvm-{llvm}/bin/clang")


def place(source: Path, target: Path) -> None:
    """Copy a program."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def manifest() -> str:
    """The chart that the module carries, rendered with cilium.yaml; without the certificates of parts that are off, so always the same."""
    values = (
        (HERE / "cilium.yaml").read_text("utf-8").replace("@IMAGE@", f"localhost/cilium:v{pin('cluster', 'cilium')}")
    )
    chart = golang.source("cilium") / "install/kubernetes/cilium"
    return run(
        "helm",
        "template",
        "cilium",
        chart,
        "--namespace",
        "kube-system",
        "--kube-version",
        pin("cluster", "kubernetes"),
        "--values",
        "-",
        stdin=values,
    )


def inputs() -> str:
    """What the manifest depends on."""
    return digest(HERE / "cilium.yaml", pin("cluster", "cilium"), pin("tools", "helm"))
