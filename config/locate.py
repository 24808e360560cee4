"""Where a key stands in a TOML file: the line that an error message names.

The standard parser gives values without places, so the text is scanned for table headers and keys. The scan is only
used to point at a line; what the file means is decided by the parser.
"""

import re

_HEADER = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_ARRAY_HEADER = re.compile(r"^\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PARTS = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def _split(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PARTS.findall(dotted)]


def line_of(text: str, path: list[str]) -> int | None:
    """Return the line (from 1) of the key `path`, or of the nearest table around it; None if neither is there.

    Args:
        text: The file's text.
        path: Keys from the outside in; the index of an array of tables is a number: `["accounts", "0", "name"]`.
    """
    best: tuple[int, int] | None = None
    table: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _ARRAY_HEADER.match(line):
            name = _split(header[1])
            index = counts[header[1]] = counts.get(header[1], -1) + 1
            table = [*name, str(index)]
            here = table
        elif header := _HEADER.match(line):
            here = table = _split(header[1])
        elif key := _KEY.match(line):
            here = table + _split(key[1])
        else:
            continue
        depth = _common(here, path)
        if depth == len(here) and (best is None or depth > best[0]):
            best = (depth, number)
    return None if best is None else best[1]


def _common(here: list[str], path: list[str]) -> int:
    """Return how many leading parts are equal."""
    depth = 0
    for a, b in zip(here, path, strict=False):
        if a != b:
            break
        depth += 1
    return depth
