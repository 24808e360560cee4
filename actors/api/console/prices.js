// Last prices that show which way they went; stale ones fade and say how old they are.

import { h, setText } from "./dom.js";
import { ABSENT, duration, number, percent, priceDecimals, tone } from "./format.js";
import { flash } from "./table.js";

const STALE_MS = 15_000;

/** A list of all tickers, rows kept by instrument. */
export function priceList(store, onChoose = null) {
  const element = h("ul", { class: "list prices" });
  const rows = new Map();
  const empty = h("li", { class: "empty" }, "No prices yet. They come with the first trade.");
  const row = (key, ticker) => {
    const parts = { name: h("span", { class: "name" }, ticker.symbol, h("small", {}, ticker.exchange)), price: h("span", { class: "price" }), arrow: h("span", { class: "arrow", "aria-hidden": "true" }), change: h("span", { class: "change" }) };
    const link = h("a", { href: `#/market/${ticker.exchange}/${encodeURIComponent(ticker.symbol)}` }, parts.name, h("span", { class: "right" }, parts.arrow, parts.price), parts.change);
    if (onChoose) link.addEventListener("click", onChoose);
    const made = { element: h("li", {}, link), parts };
    rows.set(key, made);
    return made;
  };
  const draw = () => {
    const tickers = [...store.tickers.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    empty.hidden = tickers.length > 0;
    if (!element.contains(empty)) element.append(empty);
    for (const [key, ticker] of tickers) {
      const { element: item, parts } = rows.get(key) ?? row(key, ticker);
      if (!item.isConnected) element.append(item);
      const text = number(ticker.price, priceDecimals(store.pairs.get(key)?.tick_size, ticker.price));
      const direction = Number(ticker.price) - Number(store.previous.get(key) ?? ticker.price);
      if (parts.price.textContent && parts.price.textContent !== text) flash(parts.price);
      setText(parts.price, text);
      setText(parts.arrow, direction > 0 ? "▲" : direction < 0 ? "▼" : "");
      parts.arrow.className = `arrow ${tone(direction)}`;
      const age = Date.now() - (store.tickerAt.get(key) ?? Date.parse(ticker.updated_at));
      item.classList.toggle("stale", age > STALE_MS);
      setText(parts.change, age > STALE_MS ? duration(age) : ticker.change_24h === null ? ABSENT : percent(ticker.change_24h));
      parts.change.className = `change ${age > STALE_MS ? "" : tone(ticker.change_24h)}`;
    }
  };
  return { element, draw };
}
