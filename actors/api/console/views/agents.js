// Agents: what they do, why they did it last, and how to start, pause and stop them.

import { get, post } from "../api.js";
import { toast } from "../dialog.js";
import { fill, h } from "../dom.js";
import { ABSENT, ago, number, quantity, time, words } from "../format.js";
import { problemText, when } from "../words.js";

const VERBS = { active: [["pause", "Pause"], ["stop", "Stop"]], paused: [["start", "Start"], ["stop", "Stop"]], inactive: [["start", "Start"]], error: [["start", "Start again"], ["stop", "Stop"]] };
const TONES = { active: "good", paused: "warn", error: "bad" };

export function agents(store) {
  const element = h("div", { class: "grid agents" });
  const signals = new Map(); // Agent -> its newest signal.
  const draw = () => {
    if (!store.loaded.has("agents")) return fill(element, h("p", { class: "empty" }, "Loading"));
    for (const signal of store.list("signals")) keepNewest(signals, signal);
    const rows = store.list("agents").sort((a, b) => (a.name < b.name ? -1 : 1));
    return fill(element, rows.length ? rows.map((agent) => card(store, agent, signals.get(agent.id))) : h("p", { class: "empty" }, "No agents. The configuration file makes them, section [[agents]]."));
  };
  const end = store.on(["agents", "signals", "accounts", "trades"], draw);
  get("/signals", { limit: 100 })
    .then(({ items }) => {
      for (const signal of items) keepNewest(signals, signal);
      draw();
    })
    .catch((problem) => toast(problemText(problem), "bad"));
  draw();
  return { element, close: end };
}

function keepNewest(signals, signal) {
  const known = signals.get(signal.agent_id);
  if (!known || known.created_at < signal.created_at) signals.set(signal.agent_id, signal);
}

function card(store, agent, signal) {
  const parameters = Object.entries(agent.configuration ?? {}).map(([name, value]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, String(value))));
  const why = signal
    ? h("p", { class: "signal" }, h("span", { class: signal.action === "buy" ? "up" : signal.action === "sell" ? "down" : "" }, words(signal.action)), ` ${signal.symbol} at ${number(signal.price)}: ${signal.reasoning ?? "no reason given"} `, h("time", { title: when(signal.created_at) }, time(signal.created_at)))
    : h("p", { class: "signal muted" }, "No signal yet. It comes when the rule of the agent is met.");
  const actions = (VERBS[agent.status] ?? []).map(([verb, label]) => command(store, agent, verb, label));
  return h(
    "section",
    { class: "panel agent" },
    h("div", { class: "head" }, h("h2", {}, agent.name), h("span", { class: `chip ${TONES[agent.status] ?? ""}` }, h("span", { class: "value" }, words(agent.status)))),
    h("p", { class: "muted" }, `${words(agent.agent_type)} on ${(agent.symbols ?? []).join(", ")}, account ${store.accountName(agent.account_id)}`),
    agent.status === "error" && agent.status_reason ? h("p", { class: "complaint" }, agent.status_reason) : null,
    h("h3", {}, "Last signal"),
    why,
    h("dl", { class: "facts small" }, h("div", {}, h("dt", {}, "Allocation"), h("dd", {}, agent.allocation ? quantity(agent.allocation) : ABSENT)), parameters),
    h("p", { class: "muted" }, agent.updated_at ? `Changed ${ago(agent.updated_at)}` : ""),
    store.me.role === "viewer" ? null : h("div", { class: "actions" }, actions),
  );
}

function command(store, agent, verb, label) {
  const button = h("button", { type: "button", class: `button ${verb === "start" ? "primary" : verb === "stop" ? "danger" : ""}`, "aria-label": `${label} ${agent.name}` }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      store.merge("agents", await post(`/agents/${agent.id}/${verb}`));
      store.changed("agents");
    } catch (problem) {
      toast(problemText(problem), "bad");
      button.disabled = false;
    }
  });
  return button;
}
