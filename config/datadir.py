"""Where the engine keeps its files."""

from collections.abc import Mapping
from pathlib import Path


def resolve_data_dir(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the absolute data directory: the one given, `$STATE_DIRECTORY`, `$CIVAL_DATA_DIR`, or under the home.

    systemd may give several state directories, separated by colons; the first one is ours.
    """
    if given is not None:
        return given.expanduser().resolve()
    if state := environ.get("STATE_DIRECTORY"):
        return Path(state.partition(":")[0]).resolve()
    if ours := environ.get("CIVAL_DATA_DIR"):
        return Path(ours).expanduser().resolve()
    base = environ.get("XDG_STATE_HOME")
    home = Path(base) if base else Path.home() / ".local" / "state"
    return (home / "cival").resolve()
