"""Image archives without an engine: one layer, no file younger than a fixed time, and a bill of materials beside it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kind import bill
from kind.programs import digest, run, step
from kind.settings import cache_dir, pin

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image to be made: what it is called, how it starts, and what it is made from."""

    name: str
    """Of its folder in the cache."""
    reference: str
    fill: Callable[[Path], None]
    """Puts its files into an empty folder."""
    inputs: tuple[object, ...]
    """What `fill` depends on."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    path: str = PATH
    environment: tuple[str, ...] = ()
    stop: str = ""

    def config(self) -> dict[str, object]:
        """As the image's configuration has it."""
        every = {
            "Env": [f"PATH={self.path}", *self.environment],
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "User": self.user,
            "StopSignal": self.stop,
            "Labels": {
                "org.opencontainers.image.title": self.name,
                "org.opencontainers.image.ref.name": self.reference,
            },
        }
        return {key: value for key, value in every.items() if value}


@dataclass(frozen=True, slots=True)
class Made:
    """An image in the cache."""

    reference: str
    folder: Path

    @property
    def archive(self) -> Path:
        """Of Docker's format."""
        return self.folder / "image.tar"

    @property
    def bill(self) -> Path:
        """CycloneDX."""
        return self.folder / "bill.cdx.json"

    @property
    def id(self) -> str:
        """The configuration's digest, by which engines and nodes know it."""
        return (self.folder / "id").read_text().strip()


def make(image: Image) -> Made:
    """Take it from the cache, or make it; an older one of its name is dropped."""
    shelf = cache_dir() / "images"
    folder = (
        shelf
        / f"{image.name}-{digest(image.config(), image.reference, *image.inputs, Path(__file__), pin('build', 'epoch'))}"
    )
    if not folder.is_dir():
        shelf.mkdir(parents=True, exist_ok=True)
        with (
            step(f"make image {image.reference}"),
            tempfile.TemporaryDirectory(dir=shelf, prefix=f".{image.name}-") as scratch,
        ):
            root, out = Path(scratch, "root"), Path(scratch, "out")
            for part in (root, out):
                part.mkdir(mode=0o755)
            image.fill(root)
            (out / "bill.cdx.json").write_text(bill.write(image.reference, bill.of(root)))
            pack(root, out / "image.tar", image)
            out.rename(folder)
        for old in shelf.glob(f"{image.name}-{'[0-9a-f]' * 16}"):
            if old != folder:
                shutil.rmtree(old)
    return Made(image.reference, folder)


def pack(root: Path, out: Path, image: Image) -> None:
    """Write the archive, and the image's id beside it."""
    with tempfile.NamedTemporaryFile(dir=out.parent, suffix=".layer") as layer:
        # Younger files get the fixed time; older ones keep theirs, by which Python knows that its compiled files are fresh.
        run(
            "tar",
            "-C",
            root,
            "--sort=name",
            "--clamp-mtime",
            f"--mtime=@{pin('build', 'epoch')}",
            "--numeric-owner",
            "--xattrs",
            "--pax-option=delete=atime,delete=ctime",
            "-cf",
            layer.name,
            ".",
        )
        with Path(layer.name).open("rb") as file:
            difference = hashlib.file_digest(file, "sha256").hexdigest()
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": "1970-01-01T00:00:00Z",
                "config": image.config(),
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{difference}"]},
            },
            sort_keys=True,
        ).encode()
        name = hashlib.sha256(config).hexdigest()
        manifest = [{"Config": f"{name}.json", "RepoTags": [image.reference], "Layers": [f"{difference}/layer.tar"]}]
        with tarfile.open(out, "w") as archive:
            archive.add(layer.name, f"{difference}/layer.tar", filter=plain)
            for path, content in ((f"{name}.json", config), ("manifest.json", json.dumps(manifest).encode())):
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    out.with_name("id").write_text(f"sha256:{name}\n")


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what depends on when and by whom it was written."""
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.mode = 0, 0, 0, "", "", 0o644
    return entry


def sweep() -> None:
    """Take away what commands that were killed have left half made; nobody else may be at work."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for left in (path for shelf in ("go", "images", "wheels") for path in (cache_dir() / shelf).glob(".*")):
        for place in sorted((m for m in mounted if m.startswith(f"{left}/")), reverse=True):
            run("umount", "--lazy", place)
        shutil.rmtree(left)
