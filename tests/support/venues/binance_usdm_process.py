"""The simulated USD-M as a process; `tests.support.venues.binance` runs spot."""

from tests.support.venues.binance import a_process
from tests.support.venues.kit import serve

if __name__ == "__main__":
    serve(lambda: a_process("usdm"))
