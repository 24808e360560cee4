// Events and refusals in words.

import { fullTime, money, number, priceDecimals, quantity, signed, words } from "./format.js";

const YOU = "You";
const DONE = new Set(["filled", "cancelled", "rejected", "expired"]);

export const isDone = (order) => DONE.has(order.status);

/** One event of the journal as a sentence. */
export function sentence(message, store) {
  const { type, data } = message;
  const who = actor(data, store);
  switch (type) {
    case "OrderSubmitting":
      return `${who} ${who === YOU ? "send" : "sends"} an order to ${terms(data, store)}`;
    case "OrderAccepted":
      return `${data.exchange} accepted the order to ${terms(data, store)}`;
    case "OrderPartiallyFilled":
      return `${quantity(data.filled_quantity)} of ${quantity(data.quantity)} ${base(data)} filled at ${price(data.average_price, data, store)}`;
    case "OrderFilled":
      return `${who} ${past(data.side)} ${quantity(data.filled_quantity)} ${base(data)} at ${price(data.average_price, data, store)}, filled${fee(data)}`;
    case "OrderCancelled":
      return `The order to ${terms(data, store)} was cancelled`;
    case "OrderRejected":
      return `${data.exchange} refused the order to ${terms(data, store)}`;
    case "OrderDenied":
      return `Denied to ${terms(data, store)}: ${rule(data.denial_code, data.denial_limit, data.denial_value)}`;
    case "IntentDecided":
      return `${who} decided to ${terms(data, store)}`;
    case "IntentPassed":
      return "The risk gate let it pass";
    case "IntentDenied":
      return `The risk gate refused: ${rule(data.code, data.limit, data.value)}${data.count > 1 ? `, ${data.count} times` : ""}`;
    case "OrderExpired":
      return `The order to ${terms(data, store)} expired`;
    case "OrderUnknown":
      return `Nothing is known of the order to ${terms(data, store)}; the venue is being asked`;
    case "OrderAdopted":
      return `Found at ${data.exchange}, not ours: an order to ${terms(data, store)}`;
    case "CancelRequested":
      return "A cancel was sent";
    case "CancelAcknowledged":
      return "The venue has cancelled";
    case "CancelRefused":
      return `The venue did not cancel: ${words(data.answer_code)}`;
    case "TradeBooked":
      return `${past(data.side, true)} ${quantity(data.quantity)} ${base(data)} at ${price(data.price, data, store)}${tradeFee(data)}${profit(data)}`;
    case "SignalGenerated":
      return `${who} ${who === YOU ? "signal" : "signals"} ${data.action} ${data.symbol}: ${data.reasoning ?? "no reason given"}`;
    case "AgentStarted":
    case "AgentStopped":
    case "AgentPaused":
    case "AgentFailed":
      return `${store.agentName(data.id)} ${{ AgentStarted: "was started", AgentStopped: "was stopped", AgentPaused: "was paused", AgentFailed: `failed: ${data.status_reason}` }[type]}`;
    case "TradeMissing":
      return words(data.message);
    case "DiscrepancyFound":
      if (data.kind === "trade") return `The venue lists a trade no more: ${words(data.guess)}`;
      return `The venue shows ${quantity(data.venue)} ${data.asset}, the books ${quantity(data.ours)}`;
    case "DiscrepancyExplained":
      return `${data.asset} agrees with the venue again`;
    case "DiscrepancyOverdue":
      return `Nobody knows why: ${data.message}`;
    case "DiscrepancyWrittenOff":
      return `The difference in ${data.asset} was written off: ${data.detail?.reason ?? ""}`;
    case "WriteOffTakenBack":
      return `The write-off of ${data.asset} was taken back`;
    case "TradingHalted":
      return `Trading halted (${data.scope}): ${data.reason}`;
    case "TradingResumed":
      return `Trading resumed (${data.scope}): ${data.reason}`;
    default:
      return words(type.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase());
  }
}

/** Side, quantity, symbol and price of an order. */
export function terms(order, store) {
  const at = order.price ? ` at ${price(order.price, order, store)}` : " at the market";
  return `${order.side} ${quantity(order.quantity)} ${base(order)}${at}`;
}

/** Who made an order. */
export const maker = (order, store) => store.agentName(order.agent_id) ?? (order.origin === "api" ? "API" : words(order.origin));

/** Why the risk gate said no. */
export function rule(code, limit, value) {
  const texts = {
    order_notional: `one order may be worth ${plain(limit)}, this one is ${plain(value)}`,
    position_notional: `a position may be worth ${plain(limit)}, it would be ${plain(value)}`,
    position_size: `a position may be ${plain(limit)}, it would be ${plain(value)}`,
    open_orders: `${plain(limit)} orders may be open, there would be ${plain(value)}`,
    price_band_percent: `the price may be ${plain(limit)} % from the mark, it is ${plain(value)} %`,
    price_band: `the price may be ${plain(limit)} from the mark, it is ${plain(value)}`,
    orders_per_minute: `${plain(limit)} orders a minute are allowed, this is number ${plain(value)}`,
    order_rate: `${plain(limit)} orders are allowed in the window, this is number ${plain(value)}`,
    balance: `${plain(limit)} is free, the order needs ${plain(value)}`,
    halted: "trading is halted",
  };
  return texts[code] ?? `the rule ${words(code).toLowerCase()} allows ${plain(limit)}, was ${plain(value)}`;
}

/** A problem of the HTTP interface in words. */
export function problemText(problem) {
  const { limit, value, field, expected } = problem.document ?? {};
  if (limit !== undefined && value !== undefined) return `Denied: ${rule(problem.code, limit, value)}.`;
  if (field) return `${words(field)}: expected ${expected}.`;
  const text = problem.message;
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** A time for a title: absolute, with the zone. */
export const when = (iso) => fullTime(iso);

function actor(data, store) {
  return store.agentName(data.agent_id) ?? (data.origin === "external" ? "Somebody else" : YOU);
}

const base = (row) => row.symbol?.split("/")[0] ?? "";
const past = (side, capital = false) => {
  const word = side === "buy" ? "bought" : "sold";
  return capital ? words(word) : word;
};
const price = (value, row, store) => number(value, priceDecimals(store.pair(row.symbol)?.tick_size, value));
const fee = (order) => (Number(order.fees) ? `, fee ${money(order.fees)} ${order.fee_asset ?? ""}` : "");
const tradeFee = (trade) => (Number(trade.fees) ? `, fee ${money(trade.fees)} ${trade.fee_asset ?? ""}` : "");
const profit = (trade) => (Number(trade.realized_pnl) ? `, profit ${signed(trade.realized_pnl)}` : "");
const plain = (text) => (/^-?[0-9.]+$/.test(String(text)) ? quantity(String(text)) : text);
