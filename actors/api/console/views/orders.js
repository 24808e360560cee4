// Positions, orders, trades and balances; place and cancel; an order opens into its history.

import { get, remove } from "../api.js";
import { show, toast } from "../dialog.js";
import { fill, h } from "../dom.js";
import { ABSENT, duration, money, number, priceDecimals, quantity, signed, time, tone, words } from "../format.js";
import { orderForm } from "../orderform.js";
import { Table } from "../table.js";
import { isDone, maker, problemText, rule, sentence, terms, when } from "../words.js";
import { markOf, profitOf } from "./overview.js";

const TABS = [["open", "Open orders"], ["history", "Order history"], ["trades", "Trades"], ["balances", "Balances"]];

export function orders(store, stream, route) {
  const ends = [];
  const follow = (topics, draw) => {
    ends.push(store.on(topics, draw));
    draw();
  };
  const positions = positionsTable(store);
  follow(["positions", "tickers"], () => positions.show(store.loaded.has("positions") ? store.list("positions").filter((row) => Number(row.size) !== 0) : null));
  const tables = { open: ordersTable(store, true), history: ordersTable(store, false), trades: tradesTable(store), balances: balancesTable(store) };
  let past = null;
  let trades = null;
  const draws = {
    open: () => tables.open.show(store.loaded.has("orders") ? store.list("orders").filter((row) => !isDone(row)) : null),
    history: () => tables.history.show(past && merged(past, store.list("orders"))),
    trades: () => tables.trades.show(trades && merged(trades, store.list("trades"))),
    balances: () => tables.balances.show(store.loaded.has("balances") ? store.list("balances").filter((row) => Number(row.total) !== 0) : null),
  };
  follow(["orders", "agents", "accounts", "pairs"], () => (draws.open(), draws.history()));
  follow(["trades", "pairs"], draws.trades);
  follow(["balances", "accounts"], draws.balances);
  ends.push(store.once("orders", load));
  const holder = h("div", {});
  const tabs = TABS.map(([name, label]) => h("a", { href: `#/orders/${name}`, class: "tab" }, label));
  const choose = ([name = "open"]) => {
    const known = tables[name] ? name : "open";
    tabs.forEach((tab, place) => (TABS[place][0] === known ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current")));
    if (holder.firstChild !== tables[known].element) fill(holder, tables[known].element);
    if (name && !tables[name]) openOrder(store, name);
    return true;
  };
  choose(route);
  const form = orderForm(store);
  ends.push(form.close);
  const all = h("button", { type: "button", class: "button quiet", hidden: store.me.role === "viewer", on: { click: () => cancelAll(store) } }, "Cancel all open");
  const element = h(
    "div",
    { class: "grid trading" },
    store.me.role === "viewer" ? null : h("section", { class: "panel place" }, h("h2", {}, "Place an order"), form.element),
    h(
      "div",
      { class: "column" },
      h("section", { class: "panel" }, h("h2", {}, "Open positions"), positions.element),
      h("section", { class: "panel" }, h("div", { class: "head" }, h("div", { class: "tabs" }, tabs), all), holder),
    ),
  );

  async function load() {
    try {
      const [first, second] = await Promise.all([get("/orders", { limit: 500 }), get("/trades", { limit: 500 })]);
      past = first.items;
      trades = second.items;
    } catch (problem) {
      past ??= [];
      trades ??= [];
      toast(problemText(problem), "bad");
    }
    draws.history();
    draws.trades();
  }

  return { element, close: () => ends.forEach((end) => end()), route: choose };
}

/** Rows that were asked for, with what the stream knows better. */
function merged(asked, streamed) {
  const rows = new Map(asked.map((row) => [row.id, row]));
  for (const row of streamed) rows.set(row.id, { ...rows.get(row.id), ...row });
  return [...rows.values()];
}

const decimals = (store, row) => priceDecimals(store.pair(row.symbol)?.tick_size, row.price ?? row.stop_price ?? row.average_price);

/** The limit of an order; of one that waits for a price, that price. */
function priceOf(store, row) {
  if (row.price) return number(row.price, decimals(store, row));
  return row.stop_price ? `at ${number(row.stop_price, decimals(store, row))}` : ABSENT;
}
const side = (row) => (row.side === "buy" ? "up" : "down");
const textSort = (key) => (row) => row[key] ?? "";
const numberSort = (key) => (row) => Number(row[key] ?? 0);

function positionsTable(store) {
  return new Table({
    caption: "Open positions",
    empty: "No open positions.",
    keyOf: (row) => `${row.account_id}/${row.symbol}/${row.position_side}`,
    sortBy: "symbol",
    descending: false,
    columns: [
      { key: "symbol", label: "Symbol", text: (row) => row.symbol, sort: textSort("symbol") },
      { key: "account", label: "Account", text: (row) => store.accountName(row.account_id), sort: (row) => store.accountName(row.account_id) },
      { key: "size", label: "Size", align: "right", text: (row) => quantity(row.size), className: (row) => tone(row.size), sort: numberSort("size"), flash: true },
      { key: "entry", label: "Entry", align: "right", text: (row) => number(row.average_price, decimals(store, row)), sort: numberSort("average_price") },
      { key: "mark", label: "Mark", align: "right", text: (row) => number(markOf(store, row), decimals(store, row)) },
      { key: "value", label: "Value", align: "right", text: (row) => number(Number(row.size) * Number(markOf(store, row) ?? 0)) },
      { key: "unrealized", label: "Unrealized", align: "right", text: (row) => signed(profitOf(store, row)), className: (row) => tone(profitOf(store, row)) },
      { key: "realized", label: "Realized", align: "right", text: (row) => signed(row.realized_pnl), className: (row) => tone(row.realized_pnl), sort: numberSort("realized_pnl") },
      { key: "fees", label: "Fees", align: "right", text: (row) => number(row.fees_paid, 2), sort: numberSort("fees_paid") },
    ],
  });
}

function ordersTable(store, isOpen) {
  const state = (row) => (row.request_state === "requested" && !isDone(row) ? "Cancelling" : words(row.status_detail ?? row.status));
  const columns = [
    { key: "created_at", label: "Time", text: (row) => time(row.created_at), title: (row) => when(row.created_at), sort: textSort("created_at") },
    { key: "symbol", label: "Symbol", text: (row) => row.symbol, sort: textSort("symbol") },
    { key: "side", label: "Side", text: (row) => words(row.side), className: side, sort: textSort("side") },
    { key: "type", label: "Type", text: (row) => words(row.type), sort: textSort("type") },
    { key: "price", label: "Price", align: "right", text: (row) => priceOf(store, row), sort: (row) => Number(row.price ?? row.stop_price ?? 0) },
    { key: "filled", label: "Filled", align: "right", text: (row) => `${quantity(row.filled_quantity)} / ${quantity(row.quantity)}`, sort: numberSort("filled_quantity"), flash: true },
    { key: "average", label: "Average", align: "right", text: (row) => (row.average_price ? number(row.average_price, decimals(store, row)) : ABSENT) },
    { key: "by", label: "By", text: (row) => maker(row, store), sort: (row) => maker(row, store) },
    { key: "status", label: "Status", text: state, className: (row) => `state ${row.status}`, sort: textSort("status"), flash: true, title: (row) => (row.denial_code ? rule(row.denial_code, row.denial_limit, row.denial_value) : "") },
    { key: "actions", label: "", align: "right", mark: (row) => `${row.id}${isDone(row)}`, node: (row) => actions(store, row) },
  ];
  return new Table({
    caption: isOpen ? "Open orders" : "Order history",
    empty: isOpen ? "No open orders. Agents place them when they see a reason to; you can, on this page." : "No orders yet.",
    keyOf: (row) => row.id,
    sortBy: "created_at",
    columns,
    onOpen: (row) => { location.hash = `#/orders/${row.id}`; },
  });
}

function actions(store, row) {
  const open = h("a", { class: "button small quiet", href: `#/orders/${row.id}`, "aria-label": `History of the order to ${terms(row, store)}` }, "History");
  if (isDone(row) || store.me.role === "viewer") return open;
  const cancel = h("button", { type: "button", class: "button small danger", "aria-label": `Cancel the order to ${terms(row, store)}` }, "Cancel");
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      const answer = await remove(`/orders/${row.id}`);
      toast(answer.durable ? "Cancel sent" : "Cancel sent; the database is away, its record follows", "");
    } catch (problem) {
      cancel.disabled = false;
      toast(problemText(problem), "bad");
    }
  });
  return h("span", { class: "row-actions" }, open, cancel);
}

async function cancelAll(store) {
  try {
    const answer = await remove("/orders");
    toast(`Cancels sent: ${answer.order_ids.length}`);
  } catch (problem) {
    toast(problemText(problem), "bad");
  }
  store.changed("orders");
}

function tradesTable(store) {
  return new Table({
    caption: "Trades",
    empty: "No trades yet. They appear here when an order fills.",
    keyOf: (row) => row.id,
    sortBy: "executed_at",
    onOpen: (row) => { location.hash = `#/orders/${row.order_id}`; },
    columns: [
      { key: "executed_at", label: "Time", text: (row) => time(row.executed_at), title: (row) => when(row.executed_at), sort: textSort("executed_at") },
      { key: "symbol", label: "Symbol", text: (row) => row.symbol, sort: textSort("symbol") },
      { key: "side", label: "Side", text: (row) => words(row.side), className: side, sort: textSort("side") },
      { key: "quantity", label: "Quantity", align: "right", text: (row) => quantity(row.quantity), sort: numberSort("quantity") },
      { key: "price", label: "Price", align: "right", text: (row) => number(row.price, decimals(store, row)), sort: numberSort("price") },
      { key: "value", label: "Value", align: "right", text: (row) => number(Number(row.quantity) * Number(row.price)) },
      { key: "fees", label: "Fee", align: "right", text: (row) => `${money(row.fees)} ${row.fee_asset ?? ""}`, sort: numberSort("fees") },
      { key: "profit", label: "Realized", align: "right", text: (row) => signed(row.realized_pnl), className: (row) => tone(row.realized_pnl), sort: numberSort("realized_pnl") },
      { key: "liquidity", label: "Liquidity", text: (row) => words(row.liquidity), sort: textSort("liquidity") },
    ],
  });
}

function balancesTable(store) {
  return new Table({
    caption: "Balances",
    empty: "No balances. They come from the venue when the account is opened.",
    keyOf: (row) => `${row.account_id}/${row.asset}`,
    sortBy: "asset",
    descending: false,
    columns: [
      { key: "asset", label: "Asset", text: (row) => row.asset, sort: textSort("asset") },
      { key: "account", label: "Account", text: (row) => store.accountName(row.account_id), sort: (row) => store.accountName(row.account_id) },
      { key: "free", label: "Free", align: "right", text: (row) => quantity(row.free), sort: numberSort("free"), flash: true },
      { key: "locked", label: "In orders", align: "right", text: (row) => quantity(row.locked), sort: numberSort("locked"), flash: true },
      { key: "total", label: "Total", align: "right", text: (row) => quantity(row.total), sort: numberSort("total") },
      { key: "usd", label: "Value", align: "right", text: (row) => (row.usd_value ? number(row.usd_value) : ABSENT), sort: numberSort("usd_value") },
    ],
  });
}

/** Show an order's history on one time line, with the time between its events. */
async function openOrder(store, id) {
  const body = h("div", {}, h("p", { class: "empty" }, "Loading"));
  const dialog = show("Order history", body);
  dialog.addEventListener("close", () => {
    if (location.hash.endsWith(id)) history.back();
  });
  try {
    const [order, { items }] = await Promise.all([get(`/orders/${id}`), get(`/orders/${id}/events`)]);
    const facts = [["Order", terms(order, store)], ["Status", words(order.status_detail ?? order.status)], ["Filled", `${quantity(order.filled_quantity)} of ${quantity(order.quantity)}`], ["Average price", order.average_price ? number(order.average_price, decimals(store, order)) : ABSENT], ["Fees", Number(order.fees) ? `${money(order.fees)} ${order.fee_asset}` : ABSENT], ["Account", store.accountName(order.account_id)], ["By", maker(order, store)], ["Our id", order.id], ["Venue id", order.external_order_id ?? ABSENT]];
    if (order.denial_code) facts.splice(2, 0, ["Denied", rule(order.denial_code, order.denial_limit, order.denial_value)]);
    const lines = items.map((event, place) => {
      const gap = place ? Date.parse(event.at) - Date.parse(items[place - 1].at) : null;
      return h("li", {}, h("time", { title: when(event.at) }, time(event.at), h("small", {}, gap === null ? "" : `+${duration(gap)}`)), h("span", {}, sentence(event, store)));
    });
    fill(body, h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))), h("ol", { class: "events timeline" }, lines));
  } catch (problem) {
    fill(body, h("p", { class: "complaint", role: "alert" }, problemText(problem)));
  }
}

