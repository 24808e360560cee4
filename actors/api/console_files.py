"""Delivers the console: plain files beside this module, read once, compressed once, checked by their hash."""

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

CONSOLE: Final = Path(__file__).parent / "console"
TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
GZIP_FROM: Final = 1_000
"""Bytes from which a file is compressed."""


@dataclass(frozen=True, slots=True)
class ConsoleFile:
    """One file, ready to be sent."""

    body: bytes
    zipped: bytes | None
    content_type: str
    etag: str

    def answer(self, request: web.Request) -> web.Response:
        """Answer with the file, or with 304 if the browser has it."""
        headers = {"Cache-Control": "no-cache", "ETag": f'"{self.etag}"', "Vary": "Accept-Encoding"}
        if any(tag.value == self.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = self.body
        if self.zipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = self.zipped
        return web.Response(body=body, headers=headers, content_type=self.content_type, charset="utf-8")


def load_console(folder: Path = CONSOLE) -> dict[str, ConsoleFile]:
    """Read the files, by the path under which they are served; `/` is index.html."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES:
            files[f"/{path.relative_to(folder).as_posix()}"] = _load(path)
    files["/"] = files.pop("/index.html")
    return files


def add_console(app: web.Application) -> None:
    """Serve each file under its own path; other paths do not exist."""
    for path, file in load_console().items():
        app.router.add_get(path, _handler(file))


def _handler(file: ConsoleFile) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return file.answer(request)

    return handle


def _load(path: Path) -> ConsoleFile:
    body = path.read_bytes()
    zipped = gzip.compress(body, mtime=0) if len(body) >= GZIP_FROM else None
    return ConsoleFile(body, zipped, TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:32])
