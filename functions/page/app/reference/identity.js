/** Who tries the operations: an e-mail address with its password, and a token or key. Kept until the page is closed. */

import { make } from "../dom.js";

const email = make("input", { type: "email", id: "email", autocomplete: "username" });
const password = make("input", { type: "password", id: "password", autocomplete: "current-password" });
const token = make("input", { type: "password", id: "token", autocomplete: "off" });
/** @type {(() => void)[]} */
const listeners = [];

/** @param {string[]} security */
function kind(security) {
  if (security.includes("password") && email.value) return "password";
  if ((security.includes("token") || security.includes("operator")) && token.value) return "token";
  return "";
}

export const identity = {
  /**
   * Call a function whenever who one is has changed.
   *
   * @param {() => void} listener
   */
  changed(listener) {
    listeners.push(listener);
  },

  /**
   * Return the headers that an operation with this security needs.
   *
   * @param {string[]} security
   * @returns {[string, string][]}
   */
  headers(security) {
    const bytes = new TextEncoder().encode(`${email.value}:${password.value}`);
    const pair = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    const found = { password: `Basic ${pair}`, token: `Bearer ${token.value.trim()}`, "": "" }[kind(security)];
    // With it the page's own session counts, where nothing else is given.
    return [["X-Requested-With", "api"], ...(found ? [/** @type {[string, string]} */ (["Authorization", found])] : [])];
  },

  /**
   * Return the same as words of curl, without the secrets.
   *
   * @param {string[]} security
   */
  curl(security) {
    if (security.includes("password")) return ["-u", "EMAIL:PASSWORD"];
    if (security.includes("operator")) return ["-H", "'Authorization: Bearer SIGNUP_TOKEN'"];
    return security.includes("token") ? ["-H", "'Authorization: Bearer TOKEN'"] : [];
  },

  /** Return the form. */
  form() {
    const row = (/** @type {string} */ title, /** @type {HTMLInputElement} */ input) =>
      make("div", { class: "field" }, make("label", { for: input.id }, title), input);
    return make(
      "form",
      { submit: (event) => event.preventDefault(), input: () => listeners.forEach((listener) => listener()) },
      row("E-mail address", email),
      row("Password", password),
      row("Token or API key", token),
    );
  },
};
