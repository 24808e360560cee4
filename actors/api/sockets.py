"""Open streams by session, so that a logout ends them."""

from uuid import UUID

from actors.stream_client import StreamClient
from actors.stream_frames import CLOSE_BAD_TOKEN, CLOSE_RESTART


class Sockets:
    """Clients that are connected now."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_session: dict[UUID, dict[StreamClient, None]] = {}
        self._hash_of: dict[UUID, str] = {}

    def add(self, session_id: UUID, token_hash: str, client: StreamClient) -> None:
        """Remember a client."""
        self._by_session.setdefault(session_id, {})[client] = None
        self._hash_of[session_id] = token_hash

    def remove(self, session_id: UUID, client: StreamClient) -> None:
        """Forget it."""
        clients = self._by_session.get(session_id, {})
        clients.pop(client, None)
        if not clients:
            self._by_session.pop(session_id, None)
            self._hash_of.pop(session_id, None)

    def sessions(self) -> list[tuple[UUID, str]]:
        """Return the sessions with an open stream, and the hashes of their tokens."""
        return list(self._hash_of.items())

    def end_session(self, session_id: UUID, reason: str) -> None:
        """Close the streams of a session with 4401."""
        for client in list(self._by_session.get(session_id, ())):
            client.close(CLOSE_BAD_TOKEN, reason)

    def end_all(self) -> None:
        """Close every stream with 1012: the engine stops."""
        for clients in list(self._by_session.values()):
            for client in list(clients):
                client.close(CLOSE_RESTART, "the engine stops")
