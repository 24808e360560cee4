// What the page knows: rows by channel, kept by the stream, and values that are asked for.

import { soon } from "./dom.js";

const FEED_MAX = 200;

/** Rows of a channel by their id. */
const KEYS = {
  orders: (row) => row.id,
  trades: (row) => row.id,
  positions: (row) => `${row.account_id}/${row.symbol}/${row.position_side}`,
  balances: (row) => `${row.account_id}/${row.asset}`,
  portfolio: (row) => row.account_id,
  signals: (row) => row.id,
  agents: (row) => row.id,
  risk: (row) => row.id,
  alerts: (row) => row.id,
  control: (row) => `${row.scope}/${row.scope_id}`,
};

export const LOSSLESS = Object.keys(KEYS);

/** State of one page. `on(topic, work)` runs `work` before the next paint after something of the topic changed. */
export class Store {
  constructor() {
    this.rows = Object.fromEntries(LOSSLESS.map((channel) => [channel, new Map()]));
    this.loaded = new Set(); // Channels whose snapshot has come.
    this.feed = []; // Events as they happened, newest first.
    this.tickers = new Map();
    this.previous = new Map(); // Price before the newest, to show the direction.
    this.tickerAt = new Map();
    this.pnl = new Map();
    this.exchanges = new Map();
    this.books = new Map();
    this.bars = new Map();
    this.accounts = new Map();
    this.pairs = new Map();
    this.me = null;
    this.readiness = null;
    this.control = null;
    this.stream = { state: "connecting", since: Date.now(), behind: 0 };
    this.heartbeatAt = null;
    this.listeners = new Map();
  }

  on(topics, work) {
    const names = [topics].flat();
    for (const name of names) {
      if (!this.listeners.has(name)) this.listeners.set(name, new Set());
      this.listeners.get(name).add(work);
    }
    return () => {
      for (const name of names) this.listeners.get(name).delete(work);
    };
  }

  changed(...topics) {
    for (const topic of topics) for (const work of this.listeners.get(topic) ?? []) soon(work);
  }

  set(name, value) {
    this[name] = value;
    this.changed(name);
  }

  snapshot(channel, rows) {
    const keyOf = KEYS[channel];
    this.rows[channel] = new Map(rows.map((row) => [keyOf(row), row]));
    this.loaded.add(channel);
    this.changed(channel);
  }

  event(message) {
    const { channel, data } = message;
    this.merge(channel, data);
    this.feed.unshift(message);
    this.feed.length = Math.min(this.feed.length, FEED_MAX);
    this.changed(channel, "feed");
  }

  /** Rows replace, parts of rows add to what is known: an agent's new status has no name. */
  merge(channel, data) {
    const rows = this.rows[channel];
    // A cancel request speaks of its order.
    if (channel === "orders" && data.order_id) {
      const order = rows.get(data.order_id);
      if (order) rows.set(order.id, { ...order, request_state: data.state });
      return;
    }
    const key = KEYS[channel](data);
    rows.set(key, { ...rows.get(key), ...data });
  }

  update(channel, data, at) {
    const kind = channel.split(":", 1)[0];
    if (kind === "tickers") {
      const key = `${data.exchange}/${data.symbol}`;
      const before = this.tickers.get(key);
      if (before && before.price !== data.price) this.previous.set(key, before.price);
      this.tickers.set(key, data);
      this.tickerAt.set(key, Date.now());
      this.changed("tickers");
    } else if (kind === "pnl") {
      this.pnl.set(data.account_id, data);
      this.changed("pnl");
    } else if (kind === "exchanges") {
      this.exchanges.set(data.exchange, { ...this.exchanges.get(data.exchange), ...data });
      this.changed("exchanges");
    } else if (kind === "books") {
      this.books.set(`${data.exchange}/${data.symbol}`, data);
      this.changed("books");
    } else if (kind === "bars") {
      this.bars.set(channel, data);
      this.changed("bars");
    }
    this.updatedAt = at;
  }

  /** Do something once the channel's snapshot is here: what is asked for from then on cannot miss an event. */
  once(channel, work) {
    if (this.loaded.has(channel)) {
      work();
      return () => {};
    }
    const end = this.on(channel, () => {
      if (!this.loaded.has(channel)) return;
      end();
      work();
    });
    return end;
  }

  list(channel) {
    return [...this.rows[channel].values()];
  }

  /** Newest worth of each account: the live value, else the last stored point. */
  worth() {
    return [...this.accounts.keys()]
      .map((id) => this.pnl.get(id) ?? this.rows.portfolio.get(id))
      .filter((value) => value !== undefined);
  }

  pair(symbol) {
    return [...this.pairs.values()].find((pair) => pair.symbol === symbol);
  }

  accountName(id) {
    return this.accounts.get(id)?.name ?? id?.slice(0, 8);
  }

  agentName(id) {
    return id ? (this.rows.agents.get(id)?.name ?? id.slice(0, 8)) : null;
  }
}

/** Sum of a decimal field, for display only. */
export function sum(rows, field) {
  return rows.reduce((total, row) => total + Number(row[field] ?? 0), 0);
}
