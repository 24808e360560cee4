"""Which browser pages may ask: our own, and those on the allow list. Everything else is refused, never reflected."""

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from config.checks import is_loopback
from config.settings import ServerSettings

COOKIE_TLS: Final = "__Host-cival"
COOKIE_PLAIN: Final = "cival_session"


class Origins:
    """The rules of one server."""

    def __init__(self, server: ServerSettings) -> None:
        """Read them from the configuration."""
        self.is_tls = bool(server.tls_cert) or server.behind_tls_proxy
        self.cookie_name = COOKIE_TLS if self.is_tls else COOKIE_PLAIN
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in server.allowed_origins)
        self._is_local = is_loopback(server.host) and not server.behind_tls_proxy

    def is_own(self, request: web.Request) -> bool:
        """Whether the request's `Origin` is the page that this server delivers."""
        scheme = "https" if self.is_tls else "http"
        return request.headers.get("Origin", "").lower() == f"{scheme}://{request.host.lower()}"

    def is_allowed(self, request: web.Request) -> bool:
        """Whether the request's `Origin` is on the allow list."""
        return request.headers.get("Origin", "").lower() in self._allowed

    def is_known_host(self, request: web.Request) -> bool:
        """Whether a server that only this machine reaches is called by a local name.

        A page of a stranger whose name was rebound to 127.0.0.1 calls it by the stranger's name.
        """
        return not self._is_local or _is_local_name(request.host)

    def is_forged(self, request: web.Request) -> bool:
        """Whether a request that carries our cookie may have been made by somebody else's page."""
        fetch_site = request.headers.get("Sec-Fetch-Site", "same-origin")
        return fetch_site not in ("same-origin", "none") or not self.is_own(request)


@lru_cache(maxsize=256)  # Of a hundred microseconds that we add to a request this took a fifth.
def _is_local_name(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
