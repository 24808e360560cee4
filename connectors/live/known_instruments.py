"""Keeps what a venue has listed, in a file of the data directory, for a start while the venue is away.

An engine that knows no instruments could not load positions, and would stay down for as long as the venue does.
Blocking: for a thread.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.domain.errors import BadInput
from engine.domain.identifiers import Venue
from engine.domain.instrument import Instrument

_decode = msgspec.json.Decoder(tuple[Instrument, ...]).decode


def file_of(folder: Path, venue: Venue) -> Path:
    """Return where the instruments of a venue are kept."""
    return folder / f"instruments-{venue}.json"


def keep(folder: Path, venue: Venue, instruments: Sequence[Instrument]) -> None:
    """Write what is listed now; the file is the old one or the new one, whatever happens meanwhile.

    Raises:
        OSError: The file cannot be written.
    """
    file = file_of(folder, venue)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(instruments))
    fresh.replace(file)


def known(folder: Path, venue: Venue) -> tuple[Instrument, ...]:
    """Return what was listed when it was last kept; empty if nothing usable is there."""
    try:
        return _decode(file_of(folder, venue).read_bytes())
    except (OSError, msgspec.DecodeError, BadInput):
        return ()
