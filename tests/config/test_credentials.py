"""References to secrets."""

from pathlib import Path

import pytest

from config.credentials import resolve_secret
from engine.domain.errors import ConfigError


def test_no_reference_is_no_secret() -> None:
    assert resolve_secret("", key="auth.jwt_secret") is None


def test_a_secret_comes_from_the_environment() -> None:
    secret = resolve_secret("env:TOKEN", key="auth.jwt_secret", environ={"TOKEN": "hush"})
    assert secret is not None
    assert secret.reveal() == "hush"
    assert "hush" not in repr(secret) + str(secret)


def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hush\n")
    secret = resolve_secret(f"file:{tmp_path / 'key'}", key="k")
    assert secret is not None
    assert secret.reveal() == "hush"


def test_a_secret_comes_from_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hush")
    secret = resolve_secret("credential:key", key="k", environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert secret is not None
    assert secret.reveal() == "hush"


@pytest.mark.parametrize("reference", ["env:TOKEN", "credential:key", "file:/no/such/file"])
def test_a_missing_secret_names_the_key(reference: str) -> None:
    with pytest.raises(ConfigError, match=r"auth\.jwt_secret: expected"):
        resolve_secret(reference, key="auth.jwt_secret", environ={})


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ConfigError, match="an empty file"):
        resolve_secret(f"file:{tmp_path / 'key'}", key="k")
