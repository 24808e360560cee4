"""CSV files of public trades."""

from collections.abc import Sequence
from decimal import Decimal

from connectors.replay.columns import TRADE_NAMES, read_amount, read_time
from connectors.replay.table import Print, TableFile
from engine.domain.errors import BadInput
from engine.domain.identifiers import Symbol
from engine.domain.kinds import Side
from engine.domain.values import ZERO


class TradeFile(TableFile):
    """Rows of price and quantity."""

    names = TRADE_NAMES

    def _begin(self) -> None:
        self._before: dict[Symbol, tuple[Decimal, Side]] = {}

    def _prints(self, line: int, cells: Sequence[str]) -> Sequence[Print | None]:
        columns = self._columns
        symbol = self._row_symbol(cells)
        price = read_amount(cells[columns["price"]], "price")
        quantity = read_amount(cells[columns["quantity"]], "quantity")
        if price <= ZERO or quantity <= ZERO:
            raise BadInput("row", expected="a price and a quantity above zero", was=f"{price} {quantity}")
        side = self._side(symbol, price, cells)
        trade_id = cells[columns["id"]].strip() if "id" in columns else str(line)
        return (Print(symbol, read_time(cells[columns["time"]]), trade_id, price, quantity, side, quantity),)

    def _side(self, symbol: Symbol, price: Decimal, cells: Sequence[str]) -> Side:
        """Return the taker's side; where no column tells it, a price that rises was bought."""
        if "side" in self._columns:
            text = cells[self._columns["side"]].strip().lower()
            if text not in ("buy", "sell"):
                raise BadInput("side", expected="buy or sell", was=text)
            return Side(text)
        before, side = self._before.get(symbol, (price, Side.BUY))
        if price != before:
            side = Side.BUY if price > before else Side.SELL
        self._before[symbol] = (price, side)
        return side
