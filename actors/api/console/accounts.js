// Accounts and venues: what they are worth, whether they are ready, and how they agree with their venue.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { ABSENT, number, quantity, time } from "./format.js";

const COMPARED_EVERY_MS = 30_000;

export function accountList(store) {
  const element = h("ul", { class: "list" });
  const compared = new Map();
  const draw = () => {
    const parts = new Map((store.readiness?.parts ?? []).map((part) => [part.part, part]));
    const accounts = [...store.accounts.values()].map((account) => {
      const worth = store.pnl.get(account.id) ?? store.rows.portfolio.get(account.id);
      const note = comparison(compared.get(account.id));
      return line(account.name, `${account.exchange}, ${account.mode}`, worth ? number(worth.equity) : ABSENT, parts.get(`account:${account.id}`), note);
    });
    const venues = [...store.exchanges.values()].map((venue) => {
      const delay = venue.response_time_ms === null || venue.response_time_ms === undefined ? "" : `${venue.response_time_ms} ms`;
      return line(venue.exchange, "venue", delay, { ready: venue.status === "online", reported: true, reason: venue.error_message ?? venue.status });
    });
    fill(element, accounts.length + venues.length ? [accounts, venues] : h("li", { class: "empty" }, "No accounts. The configuration file makes them."));
  };
  const look = async (id) => {
    const [runs, open] = await Promise.all([get(`/accounts/${id}/reconciliations`, { limit: 1 }), get(`/accounts/${id}/discrepancies`, { state: "open", limit: 5 })]);
    compared.set(id, { run: runs.items[0], open: open.items });
  };
  const load = async () => {
    await Promise.all([...store.accounts.keys()].map((id) => look(id).catch(() => {})));
    draw();
  };
  const timer = setInterval(load, COMPARED_EVERY_MS);
  return { element, draw, load, close: () => clearInterval(timer) };
}

/** How an account stood when it was last compared with its venue; empty before it was. */
function comparison(found) {
  if (!found?.run) return { text: "", kind: "" };
  const { run, open } = found;
  const at = time(run.finished_at);
  if (open.length) return { text: `Differs from the venue: ${open.map(difference).join(", ")}`, kind: "bad" };
  return run.outcome === "failed" ? { text: `Not compared at ${at}: ${run.detail?.reason ?? "no reason"}`, kind: "warn" } : { text: `Agreed with the venue at ${at}`, kind: "" };
}

function difference(row) {
  const more = Number(row.venue) - Number(row.ours);
  const guess = row.guess ? ` (${row.guess.split(":")[0].replaceAll("_", " ")}?)` : "";
  return `${more > 0 ? "+" : "−"}${quantity(Math.abs(more).toFixed(8))} ${row.asset}${guess}`;
}

function line(name, kind, value, part, note = { text: "", kind: "" }) {
  const word = !part ? "unknown" : part.ready ? "ready" : part.reported ? "not ready" : "starting";
  const kindOfDot = { ready: "good", "not ready": "bad", starting: "warn", unknown: "" }[word];
  const extra = note.text ? h("small", { class: `compared ${note.kind}` }, note.text) : null;
  return h("li", {}, h("span", { class: `dot ${kindOfDot}`, "aria-hidden": "true" }), h("span", { class: "name" }, name, h("small", {}, kind), extra), h("span", { class: "right" }, value, h("small", {}, part?.ready ? "ready" : `${word}${part?.reason ? `: ${part.reason}` : ""}`)));
}
