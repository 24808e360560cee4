"""Talks to a running engine over HTTP.

Where it runs and how to prove who is asking stand in two files of the data directory, readable by its owner only:
`engine.json` (written at start) and `local-token` (an admin token for this machine). `CIVAL_TOKEN` and `--url` win.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from config.datadir import resolve_data_dir
from config.loader import load_settings
from engine.cli.options import Target
from engine.domain.errors import CivalError, ConfigError, DependencyAway

ENGINE_FILE = "engine.json"
TOKEN_FILE = "local-token"  # noqa: S105 - the name of a file.
TIMEOUT_S = 30.0


class Refused(CivalError):
    """The engine answered with a problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        """Keep the document; its `code` is stable."""
        self.status = status
        self.problem = problem
        title = problem.get("detail") or problem.get("title") or "refused"
        limits = ", ".join(f"{key} {problem[key]}" for key in ("limit", "value") if problem.get(key) is not None)
        super().__init__(f"{problem.get('code', status)}: {title}" + (f" ({limits})" if limits else ""))


class Client:
    """One engine's HTTP interface."""

    def __init__(self, url: str, token: str) -> None:
        """Speak to `url` with a bearer token."""
        self.url = url.rstrip("/")
        self._token = token

    @classmethod
    def find(cls, target: Target, environ: Mapping[str, str] = os.environ) -> "Client":
        """Find the engine: by its address, by the data directory it runs on, or by the address in the configuration.

        Raises:
            DependencyAway: No engine runs there.
            ConfigError: There is no token to prove who is asking.
        """
        directory = resolve_data_dir(target.data_dir, environ)
        url = target.url or _running_on(directory)
        if url is None and target.config_file is not None:
            server = load_settings(target.config_file, environ=environ).server
            url = f"{'https' if server.tls_cert else 'http'}://{server.host}:{server.port}"
        if url is None:
            raise DependencyAway("engine", why=f"none runs on {directory}; start one with cival run")
        return cls(url, environ.get("CIVAL_TOKEN") or _read_token(directory))

    def get(self, path: str, **query: object) -> Any:
        """GET `/api/v1` + path; the decoded body."""
        return self.call("GET", f"/api/v1{path}", query=query)

    def call(self, method: str, path: str, *, body: object = None, query: Mapping[str, object] | None = None) -> Any:
        """Make one request.

        Raises:
            Refused: The engine answered with an error.
            DependencyAway: It cannot be reached.
        """
        return asyncio.run(self._call(method, path, body, query or {}))

    async def _call(self, method: str, path: str, body: object, query: Mapping[str, object]) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        parameters = {key: str(value) for key, value in query.items() if value is not None}
        data = None if body is None else orjson.dumps(body, default=str)
        if data is not None:
            headers["Content-Type"] = "application/json"
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, self.url + path, params=parameters, data=data, headers=headers) as answer,
            ):
                raw = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyAway("engine", why=f"{self.url} does not answer: {error!r}") from None
        decoded = _decode(raw)
        # Readiness answers 503 with a body that is the answer.
        if answer.status >= 400 and path != "/readyz":
            raise Refused(answer.status, decoded if isinstance(decoded, dict) else {})
        return decoded


def _running_on(directory: Path) -> str | None:
    try:
        return str(orjson.loads((directory / ENGINE_FILE).read_bytes())["url"])
    except (OSError, ValueError, KeyError):
        return None


def _decode(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None


def _read_token(directory: Path) -> str:
    try:
        return (directory / TOKEN_FILE).read_text().strip()
    except OSError:
        raise ConfigError("CIVAL_TOKEN", expected="a token (make one with cival token create)", was="missing") from None
