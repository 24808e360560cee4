// What is proven of a halt, as it becomes proven: each order, position and account, and what is not.

import { get } from "./api.js";
import { show } from "./dialog.js";
import { fill, h } from "./dom.js";
import { quantity, words } from "./format.js";
import { problemText } from "./words.js";

const LOOK_MS = 1_000;

const HEADS = {
  proven: ["Proven", "good", "Nothing of it can trade any more: every order is over at its venue."],
  unproven: ["Not proven", "bad", "Trading is halted here, but the venue may still fill what is named below. The engine keeps at it."],
  lifted: ["Lifted", "", "Trading was resumed."],
};
const CHECKING = ["Checking", "warn", "Trading is halted here. The venues are being asked whether everything is over."];

const OUTCOMES = {
  cancelled: ["good", "cancelled, proven"],
  filled: ["good", "filled before it could be cancelled"],
  never_open: ["good", "was never open"],
  open: ["bad", "still open at the venue"],
  unknown: ["bad", "nobody knows whether the venue has it"],
  flat: ["good", "closed"],
  remaining: ["bad", "still held"],
  not_heard: ["bad", "its venue cannot be heard"],
};

/**
 * Open the report of a halt; it is read anew until all is proven or the dialog is closed.
 * @param {Object} store for names of accounts
 * @param {Object} answer of `POST /control/halt`: halt_id, cancels_requested, durable, report
 */
export function haltReport(store, answer) {
  const body = h("div", { class: "halt-report", "aria-live": "polite" });
  const dialog = show("Halt report", body);
  let timer = null;
  const draw = (state, report) => fill(body, head(state, answer), parts(store, report));
  const look = async () => {
    try {
      const row = await get(`/control/halts/${answer.halt_id}`);
      draw(row.state, row.report);
      if (row.state === "proven" || row.state === "lifted") return;
    } catch (problem) {
      // Until the database is back only the first answer is known; the halt holds all the same.
      fill(body, head(answer.report.state, answer), parts(store, answer.report), h("p", { class: "complaint", role: "alert" }, problemText(problem)));
    }
    timer = setTimeout(look, LOOK_MS);
  };
  dialog.addEventListener("close", () => clearTimeout(timer));
  draw(answer.report.state, answer.report);
  timer = setTimeout(look, answer.report.state === "proven" ? 0 : LOOK_MS / 2);
  return dialog;
}

function head(state, answer) {
  const [title, tone, text] = HEADS[state] ?? CHECKING;
  const away = answer.durable ? null : h("p", {}, "The database is away; the halt holds all the same.");
  return h("div", { class: "halt-head" }, h("strong", { class: `verdict ${tone}` }, title), h("p", {}, text), h("p", {}, `Cancels requested: ${answer.cancels_requested}`), away);
}

function parts(store, report) {
  const orders = (report.orders ?? []).map((order) => {
    const filled = Number(order.filled_quantity) ? `, ${quantity(order.filled_quantity)} filled` : "";
    return line(order.outcome, h("a", { href: `#/orders/${order.order_id}` }, order.symbol), filled);
  });
  const positions = (report.positions ?? []).map((held) => line(held.outcome, held.symbol, `${Number(held.size) ? `, ${quantity(held.size)}` : ""}${held.why ? ` (${held.why})` : ""}`));
  const accounts = (report.accounts ?? []).map((each) => line(each.outcome, each.account_id ? store.accountName(each.account_id) : "A user's cell", each.why ? `: ${each.why}` : ""));
  return [
    list("Not heard", accounts, null),
    list("Orders", orders, "There was no open order."),
    list("Positions to close", positions, null),
  ];
}

function line(outcome, name, more) {
  const [tone, text] = OUTCOMES[outcome] ?? ["warn", words(outcome)];
  return { isOpen: tone !== "good", element: h("li", {}, h("span", { class: `proof ${tone}`, "aria-hidden": "true" }, tone === "good" ? "✓" : "!"), h("strong", {}, name), ` ${text}`, more) };
}

function list(title, lines, none) {
  if (!lines.length) return none && h("p", { class: "empty" }, none);
  // What is not proven comes first.
  const sorted = [...lines.filter((each) => each.isOpen), ...lines.filter((each) => !each.isOpen)];
  return h("section", {}, h("h3", {}, title), h("ul", {}, sorted.map((each) => each.element)));
}
