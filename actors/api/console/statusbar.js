// The bar that never scrolls away: may we trade, is the engine ready, is this page alive, whose money is it.

import { get, post } from "./api.js";
import { ask, field, toast } from "./dialog.js";
import { fill, h, setText } from "./dom.js";
import { duration, timeOfDay, words, zoneName } from "./format.js";
import { haltReport } from "./haltreport.js";

const STALE_MS = 8_000;

/** Make the bar; it follows the store by itself. */
export function statusBar(store, { logOut }) {
  const trading = chip("Trading");
  const ready = chip("Engine");
  const stream = chip("Stream");
  const beat = h("span", { class: "beat", "aria-hidden": "true" });
  stream.element.prepend(beat);
  const clock = h("time", { class: "clock" });
  const halt = h("button", { type: "button", class: "button halt" });
  halt.addEventListener("click", () => (isHalted(store) ? resumeDialog(store) : haltDialog(store)));
  const mode = h("span", { class: "mode" });
  const user = h("button", { type: "button", class: "button quiet user", title: "Log out", on: { click: logOut } });

  const bar = h(
    "header",
    { class: "bar" },
    h("a", { class: "brand", href: "#/overview" }, h("img", { src: "/icon.svg", alt: "", width: 22, height: 22 }), h("strong", {}, "Cival")),
    mode,
    h("div", { class: "chips" }, trading.element, ready.element, stream.element),
    clock,
    user,
    halt,
  );

  const drawTrading = () => {
    const state = store.control?.state ?? null;
    const scopes = store.control?.scopes.length ?? 0;
    const narrow = state === "active" && scopes ? `, ${scopes} scope${scopes > 1 ? "s" : ""} halted` : "";
    const text = state ? state.toUpperCase() + narrow : "…";
    trading.show(text, { active: narrow ? "warn" : "good", reducing: "warn", halted: "bad" }[state], store.control?.reason);
    setText(halt, isHalted(store) ? "Resume" : "Halt");
    halt.classList.toggle("resume", isHalted(store));
    halt.hidden = store.me?.role === "viewer";
  };
  const drawReady = () => {
    const answer = store.readiness;
    if (!answer) return ready.show("…", "", "");
    const worst = answer.parts?.find((part) => part.holds_back) ?? answer.parts?.find((part) => !part.ready);
    if (answer.ready) return ready.show("READY", worst ? "warn" : "good", worst ? `${worst.part}: ${worst.reason}` : "");
    return ready.show("NOT READY", "bad", worst ? `${worst.part}: ${worst.reason}` : "does not answer");
  };
  const drawStream = () => {
    const { state, since, behind } = store.stream;
    const texts = {
      live: "LIVE",
      catching_up: `CATCHING UP ${behind}`,
      connecting: "CONNECTING",
      offline: `OFFLINE ${duration(Date.now() - since)}`,
      refused: "REFUSED",
    };
    stream.show(texts[state], { live: "good", catching_up: "warn", connecting: "" }[state] ?? "bad", "");
    document.body.classList.toggle("offline", state === "offline" || state === "refused");
    trading.element.classList.toggle("stale", state !== "live");
  };
  const drawMe = () => {
    if (!store.me) return;
    const isPaper = store.me.engine.is_paper;
    setText(mode, isPaper ? "PAPER" : "LIVE");
    mode.classList.toggle("real", !isPaper);
    setText(user, store.me.email);
    drawTrading();
  };
  const tick = () => {
    setText(clock, timeOfDay(new Date()));
    clock.title = zoneName();
    if (store.stream.state === "offline") drawStream();
    const age = Date.now() - (store.heartbeatAt ?? 0);
    beat.classList.toggle("stale", age > STALE_MS);
  };
  store.on("control", drawTrading);
  store.on("readiness", drawReady);
  store.on("stream", drawStream);
  store.on("me", drawMe);
  store.on("heartbeatAt", () => {
    beat.classList.remove("pulse");
    requestAnimationFrame(() => beat.classList.add("pulse"));
  });
  setInterval(tick, 1_000);
  for (const draw of [drawTrading, drawReady, drawStream, drawMe, tick]) draw();
  return bar;
}

function chip(label) {
  const value = h("span", { class: "value" });
  const reason = h("span", { class: "reason" });
  const element = h("span", { class: "chip", role: "status" }, h("span", { class: "label" }, label), value, reason);
  return {
    element,
    show(text, tone, why) {
      element.className = `chip ${tone ?? ""}`;
      element.title = why ?? "";
      setText(value, text);
      setText(reason, why ?? "");
    },
  };
}

const isHalted = (store) => store.control !== null && store.control.state !== "active";

/** Read the trading state anew. */
export async function loadControl(store) {
  store.set("control", await get("/control/state"));
}

async function haltDialog(store) {
  const scope = h("select", { name: "scope" }, scopes(store));
  const reason = h("input", { name: "reason", required: true, maxlength: 500, placeholder: "What is wrong", autofocus: true, autocomplete: "off" });
  const cancelOpen = h("label", { class: "check" }, h("input", { type: "checkbox", name: "cancel_open", checked: true }), "Cancel the open orders");
  const answer = await ask({
    title: "Halt trading",
    lead: "No new orders from the moment you press Halt. Positions stay.",
    fields: [field("Scope", scope), field("Reason", reason), cancelOpen],
    action: "Halt",
    tone: "danger",
    submit: (form) => post("/control/halt", { ...scopeOf(form), reason: form.get("reason"), cancel_open: form.has("cancel_open") }),
  });
  if (!answer) return;
  haltReport(store, answer);
  await loadControl(store);
}

async function resumeDialog(store) {
  const halted = store.control.scopes.filter((each) => ["user", "engine"].includes(each.scope));
  const scope = halted[0]?.scope ?? "user";
  const reason = h("input", { name: "reason", required: true, maxlength: 500, placeholder: "Why it is safe", autofocus: true, autocomplete: "off" });
  const first = await ask({
    title: "Resume trading",
    lead: `Halted because: ${store.control.reason}`,
    fields: [field("Reason", reason)],
    action: "Continue",
    submit: async (form) => form.get("reason"),
  });
  if (!first) return;
  const answer = await ask({
    title: "Really resume?",
    lead: `Agents will send orders again at once. Reason: ${first}`,
    action: "Resume trading",
    tone: "primary",
    submit: () => post("/control/resume", { scope, reason: first }),
  });
  if (answer) toast("Trading resumed", "good");
  await loadControl(store);
}

function scopes(store) {
  const options = [h("option", { value: "user" }, "Everything of mine")];
  if (store.me?.role === "admin") options.push(h("option", { value: "engine" }, "The whole engine, all users"));
  for (const account of store.accounts.values()) options.push(h("option", { value: `account:${account.id}` }, `Account ${account.name}`));
  for (const agent of store.list("agents")) options.push(h("option", { value: `agent:${agent.id}` }, `Agent ${agent.name}`));
  return options;
}

function scopeOf(form) {
  const [scope, id] = form.get("scope").split(":");
  return id ? { scope, scope_id: id } : { scope };
}

/** Words for a scope of a halt. */
export function scopeName(store, each) {
  if (each.scope === "account") return `Account ${store.accountName(each.scope_id)}`;
  if (each.scope === "agent") return `Agent ${store.agentName(each.scope_id)}`;
  return words(each.scope);
}

/** A line above the page for what must not be overlooked. */
export function banner(store) {
  const element = h("div", { class: "banner", role: "alert", hidden: true });
  const draw = () => {
    const { state, since } = store.stream;
    const isOffline = state === "offline" && Date.now() - since > 2_000;
    element.hidden = !isOffline;
    if (isOffline) fill(element, `No connection to the engine for ${duration(Date.now() - since)}. What you see is from before; we keep trying.`);
  };
  setInterval(draw, 1_000);
  store.on("stream", draw);
  return element;
}
