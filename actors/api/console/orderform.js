// The form that places an order, and the risk gate's no in words.

import { post } from "./api.js";
import { field } from "./dialog.js";
import { fill, h, setText } from "./dom.js";
import { number, priceDecimals, quantity } from "./format.js";
import { problemText, terms } from "./words.js";

const TYPES = [
  ["limit", "Limit"], ["market", "Market"], ["stop", "Stop"], ["stop_limit", "Stop limit"],
  ["take_profit", "Take profit"], ["take_profit_limit", "Take profit limit"],
];
const LIMITED = new Set(["limit", "stop_limit", "take_profit_limit"]);
const TRIGGERED = new Set(["stop", "stop_limit", "take_profit", "take_profit_limit"]);

export function orderForm(store) {
  const account = h("select", { name: "account_id", required: true });
  const symbol = h("select", { name: "symbol", required: true });
  const type = h("select", { name: "type" }, TYPES.map(([value, label]) => h("option", { value }, label)));
  const amount = input("quantity", "0.01");
  const price = input("price", "");
  const stop = input("stop_price", "");
  const tif = h("select", { name: "time_in_force" }, ["GTC", "IOC", "FOK"].map((value) => h("option", { value }, value)));
  const postOnly = check("post_only", "Post only");
  const reduceOnly = check("reduce_only", "Reduce only");
  const buy = h("button", { type: "submit", class: "button buy", value: "buy" }, "Buy");
  const sell = h("button", { type: "submit", class: "button sell", value: "sell" }, "Sell");
  const answer = h("p", { class: "complaint", role: "alert" });
  const hint = h("p", { class: "hint" });
  const priceField = field("Limit price", price);
  const stopField = field("Trigger price", stop);
  const form = h("form", { class: "order-form" }, field("Account", account), field("Symbol", symbol), field("Type", type), field("Quantity", amount), priceField, stopField, field("Time in force", tif), h("div", { class: "checks" }, postOnly, reduceOnly), hint, h("div", { class: "sides" }, buy, sell), answer);

  const fit = () => {
    priceField.hidden = !LIMITED.has(type.value);
    price.required = LIMITED.has(type.value);
    stopField.hidden = !TRIGGERED.has(type.value);
    stop.required = TRIGGERED.has(type.value);
    postOnly.hidden = type.value !== "limit";
  };
  const drawHint = () => {
    const key = `${store.accounts.get(account.value)?.exchange}/${symbol.value}`;
    const [ticker, pair] = [store.tickers.get(key), store.pairs.get(key)];
    const decimals = priceDecimals(pair?.tick_size, ticker?.price);
    const parts = [];
    if (ticker?.bid_price) parts.push(`Bid ${number(ticker.bid_price, decimals)}, ask ${number(ticker.ask_price, decimals)}`);
    if (pair?.step_size) parts.push(`step ${quantity(pair.step_size)}, tick ${quantity(pair.tick_size)}`);
    setText(hint, parts.join("; "));
    price.placeholder = ticker?.bid_price ? number(ticker.bid_price, decimals).replaceAll(",", "") : "";
  };
  const choices = () => {
    options(account, [...store.accounts.values()].map((row) => [row.id, row.name]));
    const venue = store.accounts.get(account.value)?.exchange;
    options(symbol, [...store.pairs.values()].filter((row) => row.exchange === venue && row.is_active !== false).map((row) => [row.symbol, row.symbol]));
    drawHint();
  };
  type.addEventListener("change", fit);
  account.addEventListener("change", choices);
  symbol.addEventListener("change", drawHint);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    place(store, form, event.submitter, answer, [buy, sell]);
  });
  const ends = [store.on(["accounts", "pairs"], choices), store.on(["tickers"], drawHint)];
  fit();
  choices();
  return { element: form, close: () => ends.forEach((end) => end()) };
}

async function place(store, form, button, answer, buttons) {
  const data = new FormData(form);
  const kind = data.get("type");
  const order = { account_id: data.get("account_id"), symbol: data.get("symbol"), side: button.value, type: kind, quantity: data.get("quantity").trim(), time_in_force: data.get("time_in_force") };
  if (LIMITED.has(kind)) order.price = data.get("price").trim();
  if (TRIGGERED.has(kind)) order.stop_price = data.get("stop_price").trim();
  if (kind === "limit" && data.has("post_only")) order.post_only = true;
  if (data.has("reduce_only")) order.reduce_only = true;
  for (const each of buttons) each.disabled = true;
  answer.className = "complaint";
  setText(answer, "");
  try {
    const row = await post("/orders", order, { wait: "ack" });
    answer.className = "complaint fine";
    const texts = { pending: "sent; the venue has not answered yet", rejected: "refused by the venue", filled: "filled", open: "resting at the venue" };
    setText(answer, `Order to ${terms(row, store)}: ${texts[row.status] ?? row.status}.`);
  } catch (problem) {
    setText(answer, problemText(problem));
  } finally {
    for (const each of buttons) each.disabled = false;
  }
}

const input = (name, value) => h("input", { name, value, inputmode: "decimal", autocomplete: "off", required: name === "quantity", pattern: "[0-9]+([.][0-9]+)?", title: "A number such as 0.01" });
const check = (name, label) => h("label", { class: "check" }, h("input", { type: "checkbox", name }), label);

function options(select, pairs) {
  const chosen = select.value;
  if ([...select.options].map((option) => option.value).join() === pairs.map(([value]) => value).join()) return;
  fill(select, pairs.map(([value, label]) => h("option", { value }, label)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}
