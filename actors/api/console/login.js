// The login page. The session comes as a cookie that scripts cannot read.

import { post } from "./api.js";
import { field } from "./dialog.js";
import { fill, h, setText } from "./dom.js";
import { problemText } from "./words.js";

/** Ask for email and password; calls `done()` once a session is open. */
export function showLogin(root, done, note = "") {
  const email = h("input", { name: "email", type: "email", autocomplete: "username", required: true, autofocus: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const complaint = h("p", { class: "complaint", role: "alert" }, note);
  const button = h("button", { type: "submit", class: "button primary" }, "Log in");
  const form = h("form", { class: "login panel" }, h("h1", {}, h("img", { src: "/icon.svg", alt: "", width: 28, height: 28 }), "Cival"), h("p", { class: "lead" }, "Trading engine console"), field("Email", email), field("Password", password), complaint, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    setText(complaint, "");
    try {
      await post("/auth/login", { email: email.value, password: password.value, cookie: true });
      done();
    } catch (problem) {
      setText(complaint, problemText(problem));
      button.disabled = false;
      password.select();
    }
  });
  document.title = "Cival – log in";
  fill(root, h("main", { class: "centre" }, form));
  email.focus();
}
