"""Makes the gRPC messages and stubs from proto/ whenever the package is built or installed; none of them is committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent


def generate(root: Path = ROOT) -> None:
    """Compile every .proto under proto/ into the package that its path names.

    Raises:
        RuntimeError: the compiler refused a file; it has said why on standard error.
    """
    from grpc_tools import protoc

    protos = sorted((root / "proto").rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    for proto in protos:
        folder = root / proto.parent.relative_to(root / "proto")
        folder.mkdir(parents=True, exist_ok=True)
        for package in (folder, *folder.parents):
            if package == root:
                break
            (package / "__init__.py").touch()
    out = [f"--{kind}_out={root}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{root / 'proto'}", f"-I{include}", *out, *map(str, protos)]):
        raise RuntimeError("protoc refused proto/; its message stands above")


class BuildWire(BuildHookInterface[Any]):
    """Called by hatchling before it packs the wheel or makes the editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- hatchling's signature
        """Generate the code."""
        generate(Path(self.root))


if __name__ == "__main__":
    generate()
