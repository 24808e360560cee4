"""Finding and calling a running engine, on a real socket."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from engine.cli.client import Client, Refused
from engine.cli.options import Target
from engine.domain.errors import ConfigError, DependencyAway


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        refused = self.path.startswith("/api/v1/refused")
        body = {"code": "position_size", "detail": "too large", "limit": "1", "value": "2"} if refused else self.seen()
        self.answer(422 if refused else 503 if self.path == "/readyz" else 200, body)

    def seen(self) -> dict[str, str]:
        return {"path": self.path, "token": self.headers["Authorization"]}

    def answer(self, status: int, body: dict[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def target(data_dir: Path, url: str | None = None, config: Path | None = None) -> Target:
    return Target(config_file=config, data_dir=data_dir, url=url, as_json=False)


def test_an_engine_is_found_by_its_data_directory(tmp_path: Path, url: str) -> None:
    (tmp_path / "engine.json").write_text(json.dumps({"url": url, "pid": 1}))
    (tmp_path / "local-token").write_text("hush\n")
    answer = Client.find(target(tmp_path), {}).get("/orders", symbol="BTC/USDT", account_id=None)
    assert answer == {"path": "/api/v1/orders?symbol=BTC/USDT", "token": "Bearer hush"}


def test_address_and_token_may_be_given(tmp_path: Path, url: str) -> None:
    client = Client.find(target(tmp_path, url), {"CIVAL_TOKEN": "mine"})
    assert client.get("/me")["token"] == "Bearer mine"


def test_the_configuration_gives_the_address_where_nothing_else_does(tmp_path: Path) -> None:
    config = tmp_path / "cival.toml"
    config.write_text("[server]\nport = 1234\n")
    client = Client.find(target(tmp_path, config=config), {"CIVAL_TOKEN": "mine"})
    assert client.url == "http://127.0.0.1:1234"


def test_a_refusal_shows_code_limit_and_value(tmp_path: Path, url: str) -> None:
    client = Client.find(target(tmp_path, url), {"CIVAL_TOKEN": "mine"})
    with pytest.raises(Refused, match=r"^position_size: too large \(limit 1, value 2\)$"):
        client.get("/refused")


def test_an_engine_that_is_not_ready_still_answers(tmp_path: Path, url: str) -> None:
    client = Client.find(target(tmp_path, url), {"CIVAL_TOKEN": "mine"})
    assert client.call("GET", "/readyz")["path"] == "/readyz"


def test_no_engine_is_a_reason_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(DependencyAway, match="none runs on") as caught:
        Client.find(target(tmp_path), {})
    assert caught.value.exit_code == 75


def test_an_engine_that_has_gone_is_named(tmp_path: Path) -> None:
    client = Client.find(target(tmp_path, "http://127.0.0.1:9"), {"CIVAL_TOKEN": "mine"})
    with pytest.raises(DependencyAway, match=r"http://127\.0\.0\.1:9 does not answer"):
        client.get("/me")


def test_no_token_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CIVAL_TOKEN: expected a token"):
        Client.find(target(tmp_path, "http://127.0.0.1:9"), {})
