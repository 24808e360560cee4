"""The container image and the compose file, as far as they can be read without a container engine."""

import fnmatch
import tomllib
from typing import Any

import pytest
import yaml

from tests.support.source import ROOT

DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile's instructions, continued lines joined."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[0], line[1]) for line in lines]


def last_stage() -> dict[str, str]:
    """Read the instructions of the stage that becomes the image."""
    everything = instructions()
    start = max(index for index, (name, _) in enumerate(everything) if name == "FROM")
    return dict(everything[start:])


def services() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return read


def test_the_image_is_built_by_the_script_that_ci_runs() -> None:
    assert ("RUN", "scripts/image-build /src /opt/cival") in instructions()


def test_the_image_is_another_stage_than_the_one_that_builds() -> None:
    assert sum(name == "FROM" for name, _ in instructions()) == 2
    assert last_stage()["COPY"] == "--from=build /opt/cival /opt/cival"


def test_the_image_runs_as_a_user_without_rights() -> None:
    assert last_stage()["USER"] == "10001:10001"


def test_the_image_says_whether_it_is_well() -> None:
    assert "/livez" in last_stage()["HEALTHCHECK"]


def test_the_image_starts_the_engine_as_its_first_process() -> None:
    assert (last_stage()["ENTRYPOINT"], last_stage()["CMD"]) == ('["cival"]', '["run"]')


def test_the_build_sees_all_that_the_wheel_needs_and_no_secrets() -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    def is_sent(name: str) -> bool:
        sent = True
        for pattern in patterns:
            if fnmatch.fnmatch(name, pattern.removeprefix("!")):
                sent = pattern.startswith("!")
        return sent

    needed = [*packages, "pyproject.toml", "requirements.lock", "LICENSE"]
    assert not [name for name in needed if not is_sent(name)]
    assert not [name for name in (".env", ".git", ".venv", "data", "cival.local.toml") if is_sent(name)]


@pytest.mark.parametrize("name", ["engine", "migrate", "postgres"])
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert {"pids_limit", "mem_limit"} <= service.keys()
    assert any(mount.startswith("/tmp:") and "noexec" in mount for mount in service["tmpfs"])


def test_the_database_is_reached_by_the_engine_only() -> None:
    assert "ports" not in services()["postgres"]


def test_the_engine_is_published_on_loopback_only() -> None:
    assert services()["engine"]["ports"] == ["127.0.0.1:8710:8710"]


def test_the_engine_starts_after_the_schema_is_there() -> None:
    conditions = services()["engine"]["depends_on"]
    assert conditions["migrate"]["condition"] == "service_completed_successfully"
    assert conditions["postgres"]["condition"] == "service_healthy"
    assert services()["migrate"]["command"] == ["db", "migrate"]


def test_no_password_is_in_the_compose_file() -> None:
    password = services()["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert password.startswith("${POSTGRES_PASSWORD:?")
