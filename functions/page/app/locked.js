/** What needs the password once more: mails, keys, a new password, and the end of the account. */

import { call } from "./api.js";
import { offer } from "./copying.js";
import { make, say } from "./dom.js";
import { field, form, password, whose } from "./forms.js";
import { CLOSED, forget } from "./hint.js";
import { basic } from "./login.js";
import { email, setMails } from "./session.js";
import { day, t } from "./texts.js";

/** @typedef {{id: string, name: string, hint: string, expires: string}} Key */

/**
 * @param {{mails: boolean, webhook?: string | null}} account
 * @param {{Authorization: string}} headers
 * @returns {HTMLElement[]}
 */
export function unlocked(account, headers) {
  return [mails(), keys(), hook(), renewal(), end()];

  /**
   * @param {string} address
   * @param {string} [method]
   * @param {unknown} [json]
   */
  function ask(address, method = "GET", json) {
    return call(`../login/${address}`, { method, json, headers, lone: true });
  }

  /**
   * @param {string} title
   * @param {...Node} content
   */
  function card(title, ...content) {
    return make("section", { class: "card" }, make("h2", {}, t(title)), ...content);
  }

  function mails() {
    const says = make("p", { class: "small", role: "status" });
    const box = make("input", { type: "checkbox", checked: account.mails, change: () => void save() });
    return card("mails.title", make("label", { class: "check" }, box, t("mails.on")), says);

    async function save() {
      await ask("account", "PATCH", { mails: box.checked });
      setMails(box.checked);
      say(says, t("mails.saved"));
    }
  }

  function keys() {
    const list = make("ul", { class: "keys" });
    const shown = make("div", { class: "copying" });
    const says = make("p", { role: "status" });
    const create = form(t("keys.make"), [field(t("keys.name"), { name: "name", maxlength: 100, autocomplete: "off" })], async ({ name }) => {
      const { key } = await (await ask("keys", "POST", { name })).json();
      say(says, t("keys.new"));
      offer(shown, t("keys.new"), key, () => say(says, t("copied")));
      await fill();
    });
    void fill();
    return card("keys.title", make("p", {}, t("keys.what")), list, says, shown, create);

    async function fill() {
      /** @type {{keys: Key[]}} */
      const found = await (await ask("keys")).json();
      const rows = found.keys.map(({ id, name, hint, expires }) => {
        const revoke = async () => {
          await ask(`keys/${id}`, "DELETE");
          await fill();
        };
        return make(
          "li",
          { class: "line" },
          make("span", {}, make("bdi", {}, name), " ", make("small", {}, t("keys.until", { hint, day: day(expires) }))),
          make("button", { type: "button", class: "quiet", "aria-label": `${t("keys.revoke")}: ${name}`, click: () => void revoke() }, t("keys.revoke")),
        );
      });
      list.replaceChildren(...(rows.length ? rows : [make("li", { class: "small" }, t("keys.none"))]));
    }
  }

  function hook() {
    const given = { name: "webhook", type: "url", value: account.webhook ?? "", required: false, autocomplete: "off" };
    const save = form(t("hook.save"), [field(t("hook.url"), given)], async ({ webhook }) => {
      await ask("account", "PATCH", { webhook: webhook || null });
      return t("mails.saved");
    });
    return card("hook.title", make("p", {}, t("hook.what")), save);
  }

  function renewal() {
    const fresh = form(t("newpass.button"), [whose(email), password(true, t("newpass.field"))], async (given) => {
      await ask("password", "PUT", { password: given["password"] });
      headers.Authorization = basic(email, given["password"] ?? "");
      return t("newpass.done");
    });
    return card("newpass.title", fresh);
  }

  function end() {
    const close = async () => {
      if (!confirm(t("close.sure", { email }))) return;
      await ask("account", "DELETE");
      await call("../login?session", { method: "DELETE", lone: true });
      forget();
      location.replace(`./${CLOSED}`);
      location.reload(); // another fragment alone loads nothing
    };
    return card("close.title", make("p", {}, t("close.what")), make("p", {}, make("button", { type: "button", class: "danger", click: () => void close() }, t("close.button"))));
  }
}
