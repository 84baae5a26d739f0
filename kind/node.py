"""The node image of the offline way: Debian with systemd and containerd, Kubernetes' programs, and all system images inside."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kind import bill, debian, golang, network
from kind.archive import Image, Made, make, pack
from kind.network import place
from kind.programs import Failure, run, succeeds, wait
from kind.settings import HERE, pin

PACKAGES = (
    "systemd systemd-sysv containerd runc containernetworking-plugins iptables nftables conntrack ebtables ethtool socat kmod iproute2 "
    "procps util-linux mount ca-certificates busybox-static"
).split()
PROXY = "usr/sbin/xtables-nft-multi usr/sbin/nft usr/sbin/conntrack bin/kmod sbin/ip".split()
TABLES = [f"ip{v}tables{part}" for v in ("", "6") for part in ("", "-save", "-restore")]
LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
UNWANTED = ("*udev*", "*initctl*")
MASKED = "systemd-tmpfiles-setup* systemd-udev* systemd-firstboot* proc-sys-fs-binfmt_misc* sys-* dev-*".split()
PAUSE = r"""
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int s) { (void)s; _exit(0); }
static void reap(int s) { (void)s; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) { signal(SIGINT, stop); signal(SIGTERM, stop); signal(SIGCHLD, reap); for (;;) pause(); }
"""


def image() -> Made:
    """Make it, or take it from the cache."""
    kubernetes = golang.build("kubernetes")
    programs = {name: golang.build(name) for name in ("etcd", "coredns", "local-path-provisioner")}
    crictl, cni = golang.crictl(), network.image()
    own = [HERE / name for name in ("node", "debian.py", "archive.py", "network.py", "node.py", "cilium.yaml")]
    return make(
        Image(
            name="node",
            reference=f"localhost/strictreal-node:v{pin('cluster', 'kubernetes')}",
            fill=lambda root: fill(root, kubernetes, programs, crictl, cni),
            inputs=(
                kubernetes.name,
                *(p.name for p in programs.values()),
                crictl.parent.name,
                cni.folder.name,
                network.inputs(),
                PACKAGES,
                pin("debian", "suite"),
                pin("cluster", "pause"),
                *own,
            ),
            entrypoint=("/usr/local/bin/node-init", "/sbin/init"),
            environment=("container=docker",),
            stop="SIGRTMIN+3",
        )
    )


def fill(root: Path, kubernetes: Path, programs: dict[str, Path], crictl: Path, cni: Made) -> None:
    """The whole root file system, images and all."""
    debian.install(root, PACKAGES, "minbase")
    names = system_images(kubernetes)
    with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
        archives = list(images(root, Path(scratch), names, kubernetes, programs))
        for program in ("kubeadm", "kubelet", "kubectl"):
            place(kubernetes / program, root / "usr/bin" / program)
        place(crictl, root / "usr/local/bin/crictl")
        configure(root, names)
        (root / "kind/manifests/default-cni.yaml").write_text(network.manifest())
        inside = {package for archive in archives for package in bill.of(archive.with_name("root"))}
        inside |= {component["purl"] for component in json.loads(cni.bill.read_text("utf-8"))["components"]}
        (root / bill.INSIDE).write_text("\n".join(sorted(inside)) + "\n")
        preload(root, [*archives, cni.archive])


def system_images(kubernetes: Path) -> dict[str, str]:
    """What kubeadm calls its images, by their short names; their versions must be the pinned ones."""
    listed = run(
        kubernetes / "kubeadm", "config", "images", "list", "--kubernetes-version", f"v{pin('cluster', 'kubernetes')}"
    ).split()
    names = {re.split("[/:]", name)[-2]: name for name in listed}
    for part in ("etcd", "coredns", "pause"):
        if not re.fullmatch(rf"v?{re.escape(pin('cluster', part))}(-\d+)?", names[part].rpartition(":")[2]):
            raise Failure(f"kubeadm wants {names[part]}, versions.toml has {part} {pin('cluster', part)}")
    return names


def images(
    root: Path, scratch: Path, names: dict[str, str], kubernetes: Path, programs: dict[str, Path]
) -> Iterator[Path]:
    """An archive for each system image."""

    def alone(source: Path, reference: str) -> Path:
        target = f"usr/local/bin/{source.name}"
        fill = partial(place_in, source, target)
        return pack_in(
            scratch, Image(name=source.name, reference=reference, fill=fill, inputs=(), entrypoint=(f"/{target}",))
        )

    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        yield alone(kubernetes / name, names[name])
    yield alone(programs["etcd"] / "etcd", names["etcd"])
    yield alone(programs["coredns"] / "coredns", names["coredns"])
    provisioner = programs["local-path-provisioner"] / "local-path-provisioner"
    yield alone(provisioner, f"rancher/{provisioner.name}:v{pin('cluster', provisioner.name)}")
    yield alone(compile_pause(scratch), names["pause"])
    helper = Image(name="busybox", reference="busybox:latest", fill=partial(busybox, root), inputs=(), command=("sh",))
    yield pack_in(scratch, helper)
    start = ("/usr/local/bin/kube-proxy",)
    fill = partial(proxy, root, kubernetes)
    yield pack_in(
        scratch, Image(name="kube-proxy", reference=names["kube-proxy"], fill=fill, inputs=(), entrypoint=start)
    )


def pack_in(scratch: Path, image: Image) -> Path:
    """An archive of an image that is kept inside the node's alone."""
    folder = scratch / image.name / "root"
    for part in ("tmp", "etc", "usr/local/bin"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    image.fill(folder)
    pack(folder, folder.with_name("image.tar"), image)
    return folder.with_name("image.tar")


def place_in(source: Path, target: str, root: Path) -> None:
    """Copy a program into an image."""
    place(source, root / target)


def compile_pause(scratch: Path) -> Path:
    """The process that holds a pod's namespaces."""
    program = scratch / "made" / "pause"
    program.parent.mkdir()
    run("gcc", "-Os", "-static", "-s", "-o", program, "-x", "c", "-", stdin=PAUSE)
    return program


def busybox(node: Path, root: Path) -> None:
    """The provisioner's helper: one static program under each of its names."""
    place(node / "bin/busybox", root / "bin/busybox")
    for applet in run(root / "bin/busybox", "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")


def proxy(node: Path, kubernetes: Path, root: Path) -> None:
    """kube-proxy, the programs that it calls, and their libraries; those of iptables' modules too, without which it seems to run."""
    for part in (LIBRARIES, "usr/lib64", "usr/sbin", "usr/bin", "run", "var"):
        (root / part).mkdir(parents=True, exist_ok=True)
    for part in ("lib", "lib64", "sbin", "bin"):
        (root / part).symlink_to(f"usr/{part}")
    place(kubernetes / "kube-proxy", root / "usr/local/bin/kube-proxy")
    modules = [f"/{path.relative_to(node)}" for path in sorted((node / LIBRARIES / "xtables").glob("*.so"))]
    programs = real(node, [f"/{name}" for name in PROXY])
    for program in programs.values():
        place(node / program.lstrip("/"), root / "usr" / program.removeprefix("/usr").lstrip("/"))
    needed = set(re.findall(r"(/[^\s:]+\.so[^\s:]*)", run("chroot", node, "ldd", *programs.values(), *modules)))
    for library, file in real(node, sorted(name for name in needed if "/xtables/" not in name)).items():
        place(node / file.lstrip("/"), root / "usr" / library.removeprefix("/usr").lstrip("/"))
    shutil.copytree(node / LIBRARIES / "xtables", root / LIBRARIES / "xtables", symlinks=True)
    for name in TABLES:
        (root / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    (root / "usr/sbin/modprobe").symlink_to("../bin/kmod")
    for check in (("iptables", "--version"), ("iptables", "-m", "statistic", "--help")):
        run("chroot", root, *check)


def real(node: Path, paths: list[str]) -> dict[str, str]:
    """Where links lead inside the node, not outside."""
    return dict(zip(paths, run("chroot", node, "readlink", "-f", *paths).splitlines(), strict=True))


def configure(root: Path, names: dict[str, str]) -> None:
    """Files of node/, and of systemd what a container has use for."""
    shutil.copytree(HERE / "node", root, dirs_exist_ok=True, symlinks=True)
    config = root / "etc/containerd/config.toml"
    config.write_text(config.read_text().replace("@PAUSE@", names["pause"]))
    (root / "usr/local/bin/node-init").chmod(0o755)
    (root / "kind/manifests").mkdir(parents=True)
    (root / "kind/manifests/default-storage.yaml").write_text(storage())
    (root / "kind/version").write_text(f"v{pin('cluster', 'kubernetes')}")
    for folder in ("etc/kubernetes/manifests", "opt/cni", "etc/systemd/journald.conf.d", "etc/cni/net.d"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copytree(root / "usr/lib/cni", root / "opt/cni/bin", symlinks=True)
    systemd = root / "lib/systemd/system"
    idle = [systemd / f"{name}.target.wants" for name in ("multi-user", "local-fs", "basic", "graphical", "timers")]
    for wants in (*(root / "etc/systemd/system").glob("*.wants"), *idle):
        shutil.rmtree(wants, ignore_errors=True)
    for target, patterns in (("sockets", UNWANTED), ("sysinit", MASKED)):
        for pattern in patterns:
            for unit in (systemd / f"{target}.target.wants").glob(pattern):
                unit.unlink()
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "containerd.service").symlink_to("/lib/systemd/system/containerd.service")
    (wants / "kubelet.service").symlink_to("/etc/systemd/system/kubelet.service")
    (root / "etc/systemd/system/systemd-binfmt.service").symlink_to("/dev/null")
    default = root / "etc/systemd/system/default.target"
    default.unlink(missing_ok=True)
    default.symlink_to("/lib/systemd/system/multi-user.target")
    (root / "etc/systemd/journald.conf.d/node.conf").write_text("[Journal]\nReadKMsg=no\n")


def storage() -> str:
    """The manifest that the provisioner's module carries, its class made the cluster's default, under the name that kind's users know.

    Raises:
        Failure: this version's manifest is another one.
    """
    manifest = (golang.source("local-path-provisioner") / "deploy/local-path-storage.yaml").read_text("utf-8")
    default = '  name: standard\n  annotations: {storageclass.kubernetes.io/is-default-class: "true"}\n'
    for old, new in (
        ("  name: local-path\n", default),
        (
            "/opt/local-path-provisioner",
            "/var/local-path-provisioner",
        ),  # kind keeps /var outside the layers of the node
    ):
        if manifest.count(old) != 1:
            raise Failure(f"the provisioner's manifest has not one {old.strip()}: look at kind/node.py")
        manifest = manifest.replace(old, new)
    return manifest


def preload(root: Path, archives: list[Path]) -> None:
    """Import images into the node's containerd, whose folder a passing one takes for its own."""
    with containerd(root / "var/lib/containerd") as socket:
        for archive in archives:
            run(
                "ctr",
                "--address",
                socket,
                "--namespace",
                "k8s.io",
                "images",
                "import",
                "--no-unpack",
                "--digests",
                archive,
            )


@contextmanager
def containerd(folder: Path) -> Iterator[Path]:
    """One that runs as long as the block."""
    with tempfile.TemporaryDirectory() as scratch:
        socket, config = Path(scratch, "socket"), Path(scratch, "config.toml")
        config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        with (
            Path(scratch, "log").open("wb") as log,
            subprocess.Popen(
                (
                    "containerd",
                    "--config",
                    config,
                    "--root",
                    folder,
                    "--state",
                    f"{scratch}/state",
                    "--address",
                    socket,
                ),
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                wait("containerd", lambda: succeeds("ctr", "--address", socket, "version"), 30)
                yield socket
            finally:
                process.terminate()
