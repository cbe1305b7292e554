/** The way back in when the session ends in the middle of work: what is under way waits, and goes on. */

import { make, set } from "./dom.js";
import { email as emailField, form, password } from "./forms.js";
import { logIn } from "./login.js";
import { email } from "./session.js";
import { t } from "./texts.js";

/** @type {HTMLDialogElement | undefined} */
let dialog;

export function open() {
  const address = emailField();
  const input = address.querySelector("input");
  if (input) input.value = email;
  const enter = form(t("in.button"), [address, password(false)], async (given) => {
    await logIn(given["email"] ?? "", given["password"] ?? "");
    close();
  });
  dialog = make("dialog", { class: "card", "aria-labelledby": "again", cancel: (event) => event.preventDefault() });
  dialog.append(make("h2", { id: "again" }, t("again.title")), make("p", {}, t("again.why")), enter);
  document.body.append(dialog);
  dialog.showModal();
  set(document.body, "data-asks", true);
  if (email) dialog.querySelectorAll("input")[1]?.focus();
}

export function close() {
  dialog?.remove();
  set(document.body, "data-asks", false);
}
