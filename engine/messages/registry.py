"""The closed list of everything that may be said.

A message that is not here does not exist for the codec, the specifications or the tests.
"""

from engine.messages import market, orders, portfolio, risk, signals, system, venues, writing
from engine.messages.base import Message

MESSAGES: tuple[type[Message], ...] = (
    market.QuoteTick,
    market.TradePrint,
    market.BookDelta,
    market.BookSnapshot,
    market.BookTop,
    market.BookStatus,
    market.Ticker,
    market.Bar,
    market.InstrumentsLoaded,
    market.SourceFinished,
    orders.CheckIntent,
    orders.PlaceOrder,
    orders.SubmitOrder,
    orders.DenyOrder,
    orders.OrderAnswer,
    orders.CancelOrder,
    orders.CancelOrders,
    orders.CancelAnswer,
    orders.OrderChanged,
    orders.BookUnit,
    orders.FillBooked,
    portfolio.AccountMarked,
    portfolio.ApplyReconciliation,
    portfolio.ReconciliationApplied,
    portfolio.AdjustBalances,
    portfolio.PositionQuery,
    risk.Halt,
    risk.Resume,
    risk.HaltAnswer,
    risk.StateQuery,
    risk.ScopeState,
    risk.StateAnswer,
    risk.LimitChanged,
    signals.AgentDecided,
    signals.StartAgent,
    signals.StopAgent,
    signals.PauseAgent,
    signals.AgentAnswer,
    signals.AgentFilled,
    system.Flush,
    system.TimerFired,
    system.ReadinessChanged,
    system.Heartbeat,
    venues.VenueSubmit,
    venues.VenueCancel,
    venues.VenueAccepted,
    venues.VenueRejected,
    venues.VenueUnknown,
    venues.VenueNotSent,
    venues.VenueOrderDone,
    venues.VenueCancelRefused,
    venues.VenueFill,
    venues.OpenAccount,
    venues.AccountOpened,
    venues.OpenOrdersQuery,
    venues.VenueOrders,
    venues.OrderQuery,
    venues.OrderFound,
    venues.OrderAbsent,
    venues.CannotTell,
    venues.FillsQuery,
    venues.VenueFills,
    venues.AccountQuery,
    venues.VenueAccount,
    venues.VenueConnection,
    writing.WriteUnit,
    writing.UnitsCommitted,
    writing.WriteAnswer,
    writing.EventsCommitted,
    writing.CellHalted,
    writing.StoreStatus,
)

IN_PROCESS: frozenset[type[Message]] = frozenset(
    {
        orders.CheckIntent,
        orders.SubmitOrder,
        orders.DenyOrder,
        orders.BookUnit,
        portfolio.ApplyReconciliation,
        portfolio.AdjustBalances,
        writing.WriteUnit,
    }
)
"""Messages that carry a unit of work: they never leave the process, so the codec does not know them."""

WIRE_MESSAGES: tuple[type[Message], ...] = tuple(kind for kind in MESSAGES if kind not in IN_PROCESS)
"""What the codec encodes and decodes."""
