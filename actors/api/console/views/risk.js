// What limits the risk: limits, halted scopes, alerts.

import { post } from "../api.js";
import { toast } from "../dialog.js";
import { fill, h } from "../dom.js";
import { quantity, time, words } from "../format.js";
import { loadControl, scopeName } from "../statusbar.js";
import { Table } from "../table.js";
import { problemText, when } from "../words.js";

export function risk(store) {
  const limits = new Table({
    caption: "Limits",
    empty: "No limits of your own; the defaults of the configuration hold.",
    keyOf: (row) => row.id,
    sortBy: "type",
    descending: false,
    columns: [
      { key: "type", label: "Limit", text: (row) => words(row.limit_type), sort: (row) => row.limit_type },
      { key: "scope", label: "Scope", text: (row) => scopeName(store, { scope: row.scope, scope_id: row.account_id ?? row.agent_id }), sort: (row) => row.scope },
      { key: "symbol", label: "Symbol", text: (row) => row.symbol ?? "All", sort: (row) => row.symbol ?? "" },
      { key: "value", label: "Value", align: "right", text: (row) => quantity(row.limit_value), sort: (row) => Number(row.limit_value) },
      { key: "window", label: "Window", align: "right", text: (row) => (row.window_seconds ? `${row.window_seconds} s` : "–") },
      { key: "active", label: "In force", text: (row) => (row.is_active ? "Yes" : "No"), sort: (row) => String(row.is_active) },
    ],
  });
  const alerts = new Table({
    caption: "Alerts",
    empty: "No alerts. They appear when the books and the venue differ, or a limit trips.",
    keyOf: (row) => row.id,
    sortBy: "created_at",
    columns: [
      { key: "created_at", label: "Time", text: (row) => time(row.created_at), title: (row) => when(row.created_at), sort: (row) => row.created_at ?? "" },
      { key: "severity", label: "Severity", text: (row) => words(row.severity ?? row.state), sort: (row) => row.severity ?? "" },
      { key: "type", label: "Alert", text: (row) => words(row.alert_type ?? row.kind), sort: (row) => row.alert_type ?? "" },
      { key: "message", label: "What", text: (row) => row.message ?? `${row.asset}: ours ${quantity(row.ours)}, the venue's ${quantity(row.venue)}` },
    ],
  });
  const scopes = h("ul", { class: "list" });
  const drawScopes = () => {
    const halted = store.control?.scopes ?? [];
    fill(scopes, halted.length ? halted.map((each) => scopeLine(store, each)) : h("li", { class: "empty" }, "Nothing is halted."));
  };
  const ends = [
    store.on("risk", () => limits.show(store.list("risk"))),
    store.on("alerts", () => alerts.show(store.list("alerts"))),
    store.on(["control", "agents", "accounts"], drawScopes),
  ];
  limits.show(store.loaded.has("risk") ? store.list("risk") : null);
  alerts.show(store.loaded.has("alerts") ? store.list("alerts") : null);
  drawScopes();
  const element = h(
    "div",
    { class: "grid" },
    h("section", { class: "panel" }, h("h2", {}, "Halted scopes"), scopes),
    h("section", { class: "panel" }, h("h2", {}, "Limits"), limits.element),
    h("section", { class: "panel" }, h("h2", {}, "Alerts"), alerts.element),
  );
  return { element, close: () => ends.forEach((end) => end()) };
}

function scopeLine(store, each) {
  const isNarrow = each.scope === "account" || each.scope === "agent";
  const resume = h("button", { type: "button", class: "button small" }, "Resume");
  resume.addEventListener("click", async () => {
    // The second question: the button changes its words, and acts at the second press.
    if (resume.dataset.sure !== "yes") {
      resume.dataset.sure = "yes";
      fill(resume, "Really resume?");
      return;
    }
    try {
      await post("/control/resume", { scope: each.scope, scope_id: each.scope_id, reason: "resumed on the console" });
      await loadControl(store);
    } catch (problem) {
      toast(problemText(problem), "bad");
    }
  });
  return h("li", {}, h("span", { class: "dot bad", "aria-hidden": "true" }), h("span", { class: "name" }, scopeName(store, each), h("small", {}, each.reason)), h("span", { class: "right" }, words(each.state), h("small", { title: when(each.changed_at) }, time(each.changed_at))), isNarrow && store.me.role !== "viewer" ? resume : null);
}

