"""How far an account's fills have been read: Binance lists trades per symbol, so there is one place per symbol.

As text: `BTCUSDT:5000123,ETHUSDT:88`, sorted by name; each number is that of the last trade that was handed over, 0 for
a symbol of which no trade has been seen.
"""

from collections.abc import Iterable, Mapping

from engine.domain.errors import BadInput


def read_cursor(text: str | None) -> dict[str, int]:
    """Return Binance's name of a symbol -> number of the last trade.

    Raises:
        BadInput: The text is none of ours.
    """
    places: dict[str, int] = {}
    for part in (text or "").split(","):
        if not part:
            continue
        name, colon, number = part.partition(":")
        if not (name and colon and number.isascii() and number.isdigit()):
            raise BadInput("cursor", expected="SYMBOL:NUMBER, separated by commas", was=text)
        places[name] = int(number)
    return places


def write_cursor(places: Mapping[str, int]) -> str | None:
    """Return the text of these places; None where there are none."""
    return ",".join(f"{name}:{places[name]}" for name in sorted(places)) or None


def advance(places: dict[str, int], fills: Iterable[str]) -> None:
    """Move the places up to the fills with these cursors (`SYMBOL:NUMBER`); none moves back."""
    for cursor in fills:
        name, _, number = cursor.partition(":")
        places[name] = max(places.get(name, 0), int(number))
