"""A text that must not be seen: stars in logs, in errors and in the debugger."""

import hmac
from typing import NoReturn

STARS = "********"


class Secret:
    """Wraps a password, key or token. Only `reveal` gives the text; its length is not shown either."""

    __slots__ = ("_text",)

    def __init__(self, text: "str | Secret") -> None:
        """Wrap `text`; a secret stays one."""
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Return the text. Call it where the text is used, and keep nothing of it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({STARS!r})"

    def __str__(self) -> str:
        return STARS

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not tell how much is right."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied into other formats; reveal it on purpose")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self
