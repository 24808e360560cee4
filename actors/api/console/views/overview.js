// Am I safe, what is happening: equity, drawdown, prices, positions, accounts, the last events.

import { accountList } from "../accounts.js";
import { get } from "../api.js";
import { equityChart } from "../chart.js";
import { fill, h, setText } from "../dom.js";
import { ABSENT, number, percent, priceDecimals, quantity, signed, time, tone } from "../format.js";
import { sum } from "../store.js";
import { flash, Table } from "../table.js";
import { priceList } from "../prices.js";
import { sentence, when } from "../words.js";

const RANGES = [["1H", 3_600], ["6H", 21_600], ["1D", 86_400], ["1W", 604_800], ["All", null]];
const EVENTS = 10;
const QUIET = new Set(["BalanceChanged", "PositionChanged", "PortfolioValued", "OrderSubmitting", "OrderAccepted", "SignalGenerated", "TradeBooked"]);

export function overview(store, stream, [range = "1D"]) {
  const ends = [];
  const follow = (topics, draw) => {
    ends.push(store.on(topics, draw));
    draw();
  };
  const numbers = figures(store);
  follow(["pnl", "portfolio", "accounts", "positions"], numbers.draw);
  const curve = equityPanel(store, range);
  ends.push(curve.close);
  follow(["pnl"], curve.live);
  const prices = priceList(store);
  follow(["tickers", "pairs"], prices.draw);
  const positions = positionTable(store);
  follow(["positions", "tickers"], () => positions.show(store.loaded.has("positions") ? open(store) : null));
  const accounts = accountList(store);
  follow(["accounts", "readiness", "pnl", "portfolio", "exchanges"], accounts.draw);
  ends.push(store.once("orders", accounts.load), accounts.close);
  const events = eventList(store);
  follow(["feed", "agents"], events.draw);
  ends.push(store.once("orders", events.load));
  const element = h(
    "div",
    { class: "grid overview" },
    numbers.element,
    h(
      "div",
      { class: "column" },
      h("section", { class: "panel chart" }, curve.element),
      h("section", { class: "panel" }, h("h2", {}, "Open positions"), positions.element),
      h("section", { class: "panel" }, h("h2", {}, "Last events"), events.element),
    ),
    h(
      "div",
      { class: "column" },
      h("section", { class: "panel" }, h("h2", {}, "Last prices"), prices.element),
      h("section", { class: "panel" }, h("h2", {}, "Accounts and venues"), accounts.element),
    ),
  );
  return { element, close: () => ends.forEach((end) => end()), route: ([next = "1D"]) => curve.choose(next) };
}

const open = (store) => store.list("positions").filter((row) => Number(row.size) !== 0);

function figures(store) {
  const names = ["Equity", "Change today", "Unrealized", "Realized", "Fees", "Exposure"];
  const values = Object.fromEntries(names.map((name) => [name, h("dd", {})]));
  let morning = null;
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  get("/portfolio/performance", { since: midnight.toISOString(), limit: 1000 })
    .then(({ items }) => {
      const first = new Map();
      for (const row of items) if (!first.has(row.account_id)) first.set(row.account_id, row);
      morning = first.size ? sum([...first.values()], "equity") : null;
      draw();
    })
    .catch(() => {});
  const put = (name, text, kind = "") => {
    if (values[name].textContent !== text && values[name].textContent) flash(values[name]);
    setText(values[name], text);
    values[name].className = kind;
  };
  const draw = () => {
    const worth = store.worth();
    if (!worth.length) return names.forEach((name) => put(name, ABSENT));
    const equity = sum(worth, "equity");
    const change = morning === null ? null : equity - morning;
    const exposure = open(store).reduce((total, row) => total + Math.abs(Number(row.size) * Number(markOf(store, row) ?? 0)), 0);
    put("Equity", number(equity));
    put("Change today", change === null ? ABSENT : `${signed(change)} (${percent((100 * change) / morning)})`, tone(change));
    put("Unrealized", signed(sum(worth, "unrealized_pnl")), tone(sum(worth, "unrealized_pnl")));
    put("Realized", signed(sum(worth, "realized_pnl")), tone(sum(worth, "realized_pnl")));
    put("Fees", number(sum(worth, "fees")));
    return put("Exposure", number(exposure));
  };
  const element = h("dl", { class: "figures" }, names.map((name) => h("div", {}, h("dt", {}, name), values[name])));
  return { element, draw };
}

function equityPanel(store, chosen) {
  const holder = h("div", { class: "canvas equity", role: "img", "aria-label": "Equity over time, drawdown below" });
  const note = h("p", { class: "empty over" }, "Loading");
  const buttons = RANGES.map(([name]) => h("a", { href: `#/overview/${name}`, class: "range" }, name));
  const chart = equityChart(holder);
  let last = 0;
  const choose = async (name) => {
    const known = RANGES.find(([each]) => each === name) ?? RANGES[2];
    buttons.forEach((button) => (button.textContent === known[0] ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current")));
    const since = known[1] ? new Date(Date.now() - known[1] * 1000).toISOString() : null;
    try {
      const { items } = await get("/portfolio/performance", { since, limit: 1500 });
      const points = together(items);
      last = points.at(-1)?.time ?? 0;
      chart.show(points);
      note.hidden = points.length > 0;
      setText(note, "No values yet. The first point comes within a minute of the start.");
    } catch {
      note.hidden = false;
      setText(note, "The values cannot be read now; the next try is when you choose a range.");
    }
    return true;
  };
  choose(chosen);
  const live = () => {
    const worth = store.worth();
    const at = Math.floor(Math.max(...worth.map((row) => Date.parse(row.at ?? 0)), 0) / 1000);
    // Market time in a replay is not ours; points never go back.
    if (!worth.length || worth.length < store.accounts.size || at < last) return;
    last = at;
    note.hidden = true;
    chart.add({ time: at, value: sum(worth, "equity") });
  };
  const element = h("div", {}, h("div", { class: "head" }, h("h2", {}, "Equity"), h("div", { class: "ranges" }, buttons)), h("div", { class: "stack" }, holder, note));
  return { element, live, choose: (name) => (choose(name), true), close: chart.close };
}

/** Sum several accounts' points: each keeps its last value until its next point. */
function together(items) {
  const values = new Map();
  const points = [];
  for (const row of [...items].sort((a, b) => (a.at < b.at ? -1 : 1))) {
    values.set(row.account_id, Number(row.equity));
    const point = { time: Math.floor(Date.parse(row.at) / 1000), value: [...values.values()].reduce((a, b) => a + b, 0) };
    if (points.at(-1)?.time === point.time) points[points.length - 1] = point;
    else points.push(point);
  }
  const accounts = values.size;
  // The sum is whole only once every account has a point.
  const seen = new Set();
  let skip = 0;
  for (const row of items) {
    seen.add(row.account_id);
    if (seen.size === accounts) break;
    skip += 1;
  }
  return accounts > 1 ? points.slice(Math.min(skip, points.length - 1)) : points;
}

export const markOf = (store, row) => {
  const ticker = store.tickers.get(`${row.exchange}/${row.symbol}`);
  return ticker?.price ?? row.mark_price;
};

/** Profit of a position at the newest price. */
export const profitOf = (store, row) => {
  const mark = markOf(store, row);
  return mark ? (Number(mark) - Number(row.average_price)) * Number(row.size) : null;
};

function positionTable(store) {
  const decimals = (row) => priceDecimals(store.pair(row.symbol)?.tick_size, row.average_price);
  return new Table({
    caption: "Open positions",
    empty: "No open positions. Agents open one when their signal says so.",
    keyOf: (row) => `${row.account_id}/${row.symbol}/${row.position_side}`,
    sortBy: "symbol",
    descending: false,
    columns: [
      { key: "symbol", label: "Symbol", text: (row) => row.symbol, sort: (row) => row.symbol },
      { key: "size", label: "Size", align: "right", text: (row) => quantity(row.size), className: (row) => tone(row.size), flash: true },
      { key: "entry", label: "Entry", align: "right", text: (row) => number(row.average_price, decimals(row)) },
      { key: "mark", label: "Mark", align: "right", text: (row) => number(markOf(store, row), decimals(row)), flash: true },
      { key: "profit", label: "Unrealized", align: "right", text: (row) => signed(profitOf(store, row)), className: (row) => tone(profitOf(store, row)) },
    ],
  });
}

function eventList(store) {
  const element = h("ol", { class: "events" });
  let older = [];
  const draw = () => {
    const live = store.feed.filter((event) => !QUIET.has(event.type));
    const shown = [...live, ...older].slice(0, EVENTS);
    fill(element, shown.length ? shown.map((event) => item(event, store)) : h("li", { class: "empty" }, "Nothing has happened yet. Agents trade when their rules say so."));
  };
  // Before the stream began: where the newest orders stand tells the story.
  const load = async () => {
    const { items } = await get("/orders", { limit: 3 * EVENTS }).catch(() => ({ items: [] }));
    older = items
      .filter((order) => !store.feed.some((event) => event.data.id === order.id))
      .map((order) => ({ type: standing(order), at: order.updated_at, channel: "orders", data: order }))
      .sort((a, b) => (a.at < b.at ? 1 : -1));
    draw();
  };
  return { element, draw, load };
}

/** The event that left an order as it is. */
function standing(order) {
  if (order.status === "rejected") return order.denial_code ? "OrderDenied" : "OrderRejected";
  return { filled: "OrderFilled", cancelled: "OrderCancelled", expired: "OrderExpired", partial: "OrderPartiallyFilled", open: "OrderAccepted" }[order.status] ?? "OrderSubmitting";
}

function item(event, store) {
  const order = event.channel === "orders" ? (event.data.order_id ?? event.data.id) : event.data.order_id;
  const text = sentence(event, store);
  return h("li", { title: when(event.at) }, h("time", {}, time(event.at)), order ? h("a", { href: `#/orders/${order}` }, text) : h("span", {}, text));
}
