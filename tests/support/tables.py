"""Files of candles and trades for the tests of the replay."""

from pathlib import Path

from connectors.replay.lines import LineError
from connectors.replay.table import TableFile
from engine.messages.market import MarketMessage

HOUR = 3_600_000_000_000
T0 = 1_600_560_000_000_000_000
CANDLES = """open_time_ms,open,high,low,close,volume
1600560000000,100,110,95,105,8
1600563600000,105,106,90,91,4
1600567200000,91,91,91,91,0
"""


def a_file(tmp_path: Path, text: str, name: str = "BTCUSDT-1h.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def messages(file: TableFile) -> list[MarketMessage]:
    found: list[MarketMessage] = []
    for number, (at_ns, _, payload) in enumerate(file.items(), 1):
        assert not isinstance(payload, LineError), payload
        found += file.parse(payload, at_ns, number)
    return found


def errors(file: TableFile) -> list[tuple[int, str]]:
    return [(line, payload.reason) for _, line, payload in file.items() if isinstance(payload, LineError)]
