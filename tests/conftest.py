"""What several tests share: real bundles, made by a real audit of a small subject."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from strictreal import config, run
from strictreal.config import Settings
from strictreal.evidence import factfiles, listing, sign
from strictreal.evidence.bundle import Audit, Receipt, Writer
from strictreal.evidence.verify import Demands, Report, verify
from strictreal.evidence.witness import Witness

hypothesis.settings.register_profile("tests", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("tests")

WORKER = 'import os\n\nBROKER = os.getenv("BROKER", "localhost:9092")\n'


def _unchanged(folder: Path) -> None:
    """Leave the facts as they are."""


@dataclass(frozen=True)
class Place:
    """An evidence folder, and the home of the one user who writes and verifies there."""

    root: Path
    origin: Path
    """A bundle of a real audit, whose facts and results `record` takes."""

    @property
    def output(self) -> Path:
        return self.root / "evidence"

    @cached_property
    def settings(self) -> Settings:
        return config.settings({"HOME": str(self.root / "home")})

    @property
    def witness(self) -> Witness:
        return Witness(self.settings.state_home)

    @cached_property
    def account(self) -> Audit:
        """What the real audit stated."""
        bundle = listing.load(self.origin)
        return Audit(time=bundle.predicate.time, subject=bundle.predicate.subject, results=bundle.results.results)

    def record(
        self,
        *,
        account: Audit | None = None,
        signer: sign.Signer | None = None,
        edit: Callable[[Path], object] = _unchanged,
        **keywords: Any,
    ) -> Receipt:
        """One more bundle with the facts of the real one, after `edit` has had its way with them."""
        keywords.setdefault("witness", self.witness)
        with Writer(self.output) as writer:
            for name in (factfiles.FACTS, factfiles.SPECIMENS):
                shutil.copyfile(self.origin / name, writer.folder / name)
            edit(writer.folder)
            return writer.commit(account or self.account, signer or sign.signer(self.settings), **keywords)

    def verify(self, path: Path | None = None, *, witnessed: bool = False, **demands: Any) -> Report:
        """Verify one bundle, or all of them; the witness is asked only where the test is about it."""
        demands.setdefault("keys", sign.trusted(self.settings))
        return verify(path or self.output, Demands(**demands), witness=self.witness if witnessed else None)


@pytest.fixture(scope="session", autouse=True)
def _home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the tests start finds an empty home, and nothing of the machine's settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "SOMABRAIN_STRICT_REAL", "CI"):
            patch.delenv(name, raising=False)
        for name in ("STRICTREAL_SIGNING_KEY", "STRICTREAL_TRUSTED_KEYS", "PYTEST_ADDOPTS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def real_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a real audit of a subject with one finding."""
    root = tmp_path_factory.mktemp("audited")
    subject = root / "subject"
    subject.mkdir()
    (subject / "worker.py").write_text(WORKER)
    settings = config.settings({"HOME": str(root / "home")})
    request = run.Request(path=subject, output=root / "evidence")
    run.audit(request, settings=settings)
    [listed] = listing.runs(root / "evidence")
    return root / "evidence" / listed.bundle


@pytest.fixture
def place(tmp_path: Path, real_bundle: Path) -> Place:
    """An evidence folder without bundles."""
    return Place(tmp_path, real_bundle)


@pytest.fixture
def unrecorded(tmp_path_factory: pytest.TempPathFactory, real_bundle: Path) -> Place:
    """A second, unrelated user and evidence folder."""
    return Place(tmp_path_factory.mktemp("other"), real_bundle)
