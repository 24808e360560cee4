// Small dialogs on the browser's own <dialog>: focus is kept inside, Escape closes.

import { h, setText } from "./dom.js";
import { problemText } from "./words.js";

/**
 * Open a form in a dialog.
 * @param {Object} options title, lead (text), fields (elements), action (label), tone, submit(FormData) -> Promise
 * @returns {Promise<any>} what `submit` gave; null if it was closed
 */
export function ask({ title, lead = null, fields = [], action, tone = "", submit }) {
  return new Promise((resolve) => {
    const complaint = h("p", { class: "complaint", role: "alert" });
    const button = h("button", { type: "submit", class: `button ${tone}` }, action);
    const cancel = h("button", { type: "button", class: "button quiet", on: { click: () => dialog.close() } }, "Back");
    const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), lead && h("p", { class: "lead" }, lead), fields, complaint, h("div", { class: "actions" }, cancel, button));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    let answer = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      setText(complaint, "");
      try {
        answer = await submit(new FormData(form));
        dialog.close();
      } catch (problem) {
        setText(complaint, problemText(problem));
        button.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Show something to read in a dialog. */
export function show(title, ...content) {
  const close = h("button", { type: "button", class: "button quiet", on: { click: () => dialog.close() } }, "Close");
  const dialog = h("dialog", { class: "wide", "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), content, h("div", { class: "actions" }, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A labelled field. */
export function field(label, control, hint = null) {
  const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  control.id = id;
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint && h("small", {}, hint));
}

const TOAST_MS = 5_000;

/** A line at the foot of the page that goes away by itself. */
export function toast(text, tone = "") {
  let box = document.getElementById("toasts");
  if (!box) {
    box = h("div", { id: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(box);
  }
  const line = h("p", { class: `toast ${tone}` }, text);
  box.append(line);
  setTimeout(() => line.remove(), TOAST_MS);
}
