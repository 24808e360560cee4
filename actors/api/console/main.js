// Begins: finds out who is there, opens the stream, shows the view that the URL names.

import { get, getAll, post, readiness, whenUnauthenticated } from "./api.js";
import { fill, h } from "./dom.js";
import { toast } from "./dialog.js";
import { showLogin } from "./login.js";
import { banner, loadControl, statusBar } from "./statusbar.js";
import { LOSSLESS, Store } from "./store.js";
import { Stream } from "./stream.js";
import { problemText } from "./words.js";
import { agents } from "./views/agents.js";
import { market } from "./views/market.js";
import { orders } from "./views/orders.js";
import { overview } from "./views/overview.js";
import { risk } from "./views/risk.js";
import { system } from "./views/system.js";

const VIEWS = {
  overview: ["Overview", overview],
  orders: ["Positions & orders", orders, "Orders"],
  agents: ["Agents", agents],
  risk: ["Risk", risk],
  market: ["Market", market],
  system: ["System", system],
};
const READINESS_MS = 5_000;

const root = document.getElementById("app");
let session = null;

whenUnauthenticated(() => leave("The session has ended."));
begin();

async function begin() {
  try {
    enter(await get("/me"));
  } catch (problem) {
    if (problem.status === 401) showLogin(root, begin);
    else fill(root, h("main", { class: "centre" }, h("div", { class: "panel" }, h("h1", {}, "The engine does not answer"), h("p", {}, problemText(problem)), h("button", { type: "button", class: "button primary", on: { click: begin } }, "Try again"))));
  }
}

function enter(me) {
  const store = new Store();
  const stream = new Stream(streamUrl(), handlers(store));
  session = { store, stream, view: null, timers: [] };
  store.set("me", me);
  const links = Object.entries(VIEWS).map(([name, [label, , short]]) => {
    // A phone has room for one word.
    const text = short ? [h("span", { class: "long" }, label), h("span", { class: "short" }, short)] : label;
    return h("a", { href: `#/${name}`, dataset: { view: name } }, text);
  });
  const nav = h("nav", { "aria-label": "Views" }, links);
  const content = h("main", { id: "content", tabindex: "-1" });
  const skip = h("a", { class: "skip", href: "#content", on: { click: (event) => { event.preventDefault(); content.focus(); } } }, "Skip to content");
  fill(root, skip, statusBar(store, { logOut }), nav, banner(store), content, foot());
  stream.open(LOSSLESS, ["pnl", "exchanges"]);
  session.timers.push(setInterval(() => poll(store), READINESS_MS));
  session.show = () => showView(content, links);
  addEventListener("hashchange", session.show);
  load(store, stream);
  poll(store);
  session.show();
}

function handlers(store) {
  return {
    snapshot: (channel, rows) => {
      store.snapshot(channel, rows);
      if (channel === "control") loadControl(store).catch(() => {});
    },
    event: (message) => {
      store.event(message);
      if (message.channel === "control") loadControl(store).catch(() => {});
    },
    update: (channel, data, at) => store.update(channel, data, at),
    status: (status) => {
      store.set("stream", status);
      if (status.state === "live") store.set("heartbeatAt", Date.now());
    },
    heartbeat: () => store.set("heartbeatAt", Date.now()),
    loggedOut: () => leave("The session has ended."),
  };
}

/** Read what the stream does not tell. */
async function load(store, stream) {
  try {
    const [accounts, pairs, tickers, exchanges] = await Promise.all([
      getAll("/accounts"), get("/market/pairs"), get("/market/tickers"), get("/exchanges"), loadControl(store),
    ]);
    store.set("accounts", new Map(accounts.map((row) => [row.id, row])));
    store.set("pairs", new Map(pairs.items.map((row) => [`${row.exchange}/${row.symbol}`, row])));
    for (const row of tickers.items) if (!store.tickers.has(`${row.exchange}/${row.symbol}`)) store.update("tickers", row);
    for (const row of exchanges.items) store.update("exchanges", row);
    const named = new Set([...pairs.items, ...tickers.items].map((row) => `tickers:${row.exchange}:${row.symbol}`));
    stream.add([...named].slice(0, 100));
  } catch (problem) {
    toast(problemText(problem), "bad");
  }
}

async function poll(store) {
  try {
    store.set("readiness", await readiness());
  } catch {
    store.set("readiness", { ready: false, parts: [] });
  }
}

function showView(content, links) {
  const [, name = "overview", ...rest] = location.hash.replace(/^#/, "").split("/");
  const known = VIEWS[name] ? name : "overview";
  const [label, view] = VIEWS[known];
  if (session.name === known && session.route?.(rest)) return;
  session.view?.();
  for (const link of links) {
    if (link.dataset.view === known) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${label} – Cival`;
  const made = view(session.store, session.stream, rest);
  session.name = known;
  session.view = made.close;
  session.route = made.route ?? null;
  fill(content, h("h1", { class: "unseen" }, label), made.element);
}

async function logOut() {
  try {
    await post("/auth/logout");
  } catch {
    // The session may have ended already; either way nobody is logged in here any more.
  }
  leave("");
}

function leave(note) {
  if (session) {
    session.stream.close();
    session.view?.();
    for (const timer of session.timers) clearInterval(timer);
    removeEventListener("hashchange", session.show);
    session = null;
  }
  showLogin(root, begin, note);
}

function streamUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/stream`;
}

function foot() {
  return h(
    "footer",
    {},
    "Charts: TradingView Lightweight Charts™, Copyright © 2026 ",
    h("a", { href: "https://www.tradingview.com/", rel: "noopener noreferrer", target: "_blank" }, "TradingView, Inc."),
  );
}
