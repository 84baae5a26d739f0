"""Strict mode is on under either of its names, wherever settings come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from common.config import settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOMA_STRICT_REAL", "SOMABRAIN_STRICT_REAL", settings.SECRETS_DIR):
        monkeypatch.delenv(name, raising=False)


def test_strict_mode_is_off_unless_said() -> None:
    assert settings.load().strict_real is False


@pytest.mark.parametrize("name", ["SOMA_STRICT_REAL", "SOMABRAIN_STRICT_REAL"])
def test_strict_mode_is_on_by_either_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert settings.load().strict_real is True


def test_strict_mode_is_on_by_argument_and_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert settings.load(strict_real=True).strict_real is True
    (tmp_path / "soma_strict_real").write_text("1")
    monkeypatch.setenv(settings.SECRETS_DIR, str(tmp_path))
    assert settings.load().strict_real is True


def test_a_secret_comes_from_a_file_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "auth_dev_token").write_text("from the file")
    monkeypatch.setenv(settings.SECRETS_DIR, str(tmp_path))
    found = settings.load().auth_dev_token
    assert found
    assert found.get_secret_value() == "from the file"
    monkeypatch.setenv("SOMA_AUTH_DEV_TOKEN", "from the variable")
    found = settings.load().auth_dev_token
    assert found
    assert found.get_secret_value() == "from the variable"
