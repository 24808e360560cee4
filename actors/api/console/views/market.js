// One instrument: candles with our fills, the book, and all last prices beside it.

import { get } from "../api.js";
import { candleChart } from "../chart.js";
import { fill, h, setText } from "../dom.js";
import { ABSENT, number, percent, priceDecimals, quantity, tone } from "../format.js";
import { priceList } from "../prices.js";
import { problemText } from "../words.js";

const FRAMES = { "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400 };
const BARS = 500;
const DEPTH = 10;

export function market(store, stream, route) {
  const view = new MarketView(store, stream);
  view.choose(route);
  return { element: view.element, close: () => view.close(), route: (next) => (view.choose(next), true) };
}

class MarketView {
  constructor(store, stream) {
    Object.assign(this, { store, stream, channels: [], bar: null, key: null });
    this.holder = h("div", { class: "canvas candles", role: "img", "aria-label": "Candles" });
    this.note = h("p", { class: "empty over" }, "Loading");
    this.title = h("h2", {}, "Market");
    this.quote = h("p", { class: "quote" });
    this.frames = h("div", { class: "ranges" });
    this.book = h("div", { class: "book" });
    this.chart = candleChart(this.holder);
    this.prices = priceList(store);
    this.ends = [
      store.on(["tickers", "pairs"], () => this.ticked()),
      store.on("bars", () => this.closed()),
      store.on("books", () => this.drawBook()),
      store.on("trades", () => this.loadFills()),
    ];
    this.element = h(
      "div",
      { class: "grid market" },
      h("section", { class: "panel chart" }, h("div", { class: "head" }, this.title, this.frames), this.quote, h("div", { class: "stack" }, this.holder, this.note)),
      h(
        "div",
        { class: "column" },
        h("section", { class: "panel" }, h("h2", {}, "Book"), this.book),
        h("section", { class: "panel" }, h("h2", {}, "Last prices"), this.prices.element),
      ),
    );
    this.prices.draw();
    this.drawBook();
  }

  choose([exchange, symbol, frame]) {
    this.wanted = exchange && symbol ? [exchange, decodeURIComponent(symbol)] : null;
    this.frame = FRAMES[frame] ? frame : "1m";
    this.begin();
  }

  /** Show the wanted instrument, or the first once it is known. */
  begin() {
    const first = [...this.store.pairs.values(), ...this.store.tickers.values()][0];
    const [exchange, symbol] = this.wanted ?? (first ? [first.exchange, first.symbol] : []);
    if (!exchange) return;
    const key = `${exchange}/${symbol}/${this.frame}`;
    if (key === this.key) return;
    this.key = key;
    Object.assign(this, { exchange, symbol, bar: null });
    setText(this.title, `${symbol} on ${exchange}`);
    fill(this.frames, Object.keys(FRAMES).map((name) => h("a", { class: "range", href: `#/market/${exchange}/${encodeURIComponent(symbol)}/${name}`, "aria-current": name === this.frame ? "true" : null }, name)));
    this.stream.drop(this.channels);
    this.channels = [`bars:${exchange}:${symbol}:${this.frame}`, `books:${exchange}:${symbol}`];
    this.stream.add(this.channels);
    this.load(key);
    this.drawBook();
    this.drawQuote();
  }

  async load(key) {
    this.note.hidden = false;
    setText(this.note, "Loading");
    try {
      const { items } = await get("/market/ohlcv", { exchange: this.exchange, symbol: this.symbol, timeframe: this.frame, limit: BARS });
      if (key !== this.key) return;
      this.bars = items.map(candle);
      this.chart.show([...this.bars], this.decimals());
      this.note.hidden = items.length > 0;
      setText(this.note, "No candles yet. The first one closes within its time.");
      this.isLoaded = true;
      this.ticked();
      await this.loadFills();
    } catch (problem) {
      setText(this.note, problemText(problem));
    }
  }

  async loadFills() {
    const { items } = await get("/trades", { symbol: this.symbol, limit: 200 }).catch(() => ({ items: [] }));
    const first = this.bars?.[0]?.time ?? Infinity;
    // One arrow per candle and side, with the sum of its fills.
    const marks = new Map();
    for (const trade of items.filter((each) => each.exchange === this.exchange)) {
      const time = this.start(Date.parse(trade.executed_at) / 1000);
      if (time < first) continue;
      const key = `${time}/${trade.side}`;
      marks.set(key, { time, side: trade.side, sum: (marks.get(key)?.sum ?? 0) + Number(trade.quantity) });
    }
    const sorted = [...marks.values()].sort((a, b) => a.time - b.time);
    this.chart.mark(sorted.map((mark) => ({ ...mark, text: quantity(String(Number(mark.sum.toFixed(8)))) })));
  }

  start(seconds) {
    const length = FRAMES[this.frame];
    return Math.floor(seconds / length) * length;
  }

  /** The candle that is not closed yet grows with the last prices. */
  ticked() {
    this.begin();
    this.prices.draw();
    this.drawQuote();
    const ticker = this.ticker();
    if (!this.isLoaded || !ticker?.updated_at) return;
    const price = Number(ticker.price);
    const time = this.start(Date.parse(ticker.updated_at) / 1000);
    if (this.bar?.time !== time) this.bar = { time, open: price, high: price, low: price, close: price, volume: 0 };
    this.bar = { ...this.bar, high: Math.max(this.bar.high, price), low: Math.min(this.bar.low, price), close: price };
    this.note.hidden = true;
    this.chart.add(this.bar);
  }

  closed() {
    const row = this.store.bars.get(this.channels[0]);
    if (!row || !this.isLoaded) return;
    const bar = candle(row);
    if (this.bar && bar.time < this.bar.time && this.last === bar.time) return;
    this.last = bar.time;
    this.bars?.push(bar);
    if (!this.bar || bar.time >= this.bar.time) this.chart.add(bar);
  }

  ticker() {
    return this.store.tickers.get(`${this.exchange}/${this.symbol}`);
  }

  decimals() {
    return priceDecimals(this.store.pairs.get(`${this.exchange}/${this.symbol}`)?.tick_size, this.ticker()?.price);
  }

  drawQuote() {
    const ticker = this.ticker();
    if (!ticker) return setText(this.quote, "");
    const decimals = this.decimals();
    const spread = ticker.bid_price && ticker.ask_price ? number(Number(ticker.ask_price) - Number(ticker.bid_price), decimals) : ABSENT;
    return fill(this.quote, h("strong", {}, number(ticker.price, decimals)), h("span", { class: tone(ticker.change_24h) }, percent(ticker.change_24h)), h("span", {}, `Bid ${number(ticker.bid_price, decimals)}`), h("span", {}, `Ask ${number(ticker.ask_price, decimals)}`), h("span", {}, `Spread ${spread}`), h("span", {}, `24 h volume ${number(ticker.volume_24h, 2)}`));
  }

  drawBook() {
    const book = this.store.books.get(`${this.exchange}/${this.symbol}`);
    if (!book) return fill(this.book, h("p", { class: "empty" }, "No book yet. It is sent when it changes."));
    const decimals = this.decimals();
    const side = (levels, kind) => {
      const largest = Math.max(...levels.map(([, size]) => Number(size)), 0) || 1;
      return levels.slice(0, DEPTH).map(([price, size]) => {
        const share = h("i", { "aria-hidden": "true" });
        share.style.width = `${(100 * Number(size)) / largest}%`;
        return h("div", { class: `level ${kind}` }, share, h("span", { class: kind }, number(price, decimals)), h("span", { class: "right" }, quantity(size)));
      });
    };
    return fill(this.book, h("div", { class: "level headings" }, h("span", {}, "Price"), h("span", { class: "right" }, "Quantity")), side(book.asks, "down").reverse(), h("hr"), side(book.bids, "up"));
  }

  close() {
    this.stream.drop(this.channels);
    this.ends.forEach((end) => end());
    this.chart.close();
  }
}

const candle = (row) => ({ time: Math.floor(Date.parse(row.open_time) / 1000), open: Number(row.open_price), high: Number(row.high_price), low: Number(row.low_price), close: Number(row.close_price), volume: Number(row.volume) });

