/** The account: what is used, the podcast, and behind the password mails, keys, a new password and the end. */

import { span } from "./amounts.js";
import { call, Problem } from "./api.js";
import { make } from "./dom.js";
import { form, password, whose } from "./forms.js";
import { unlocked } from "./locked.js";
import { basic } from "./login.js";
import { podcast } from "./podcast.js";
import { sentence } from "./problems.js";
import { email } from "./session.js";
import { bytes, loadRest, number, t } from "./texts.js";

/** @typedef {Record<string, {limit: number, used: number, reset: number | null}>} Quotas */

export function account() {
  const made = make("div", { class: "account" });
  void loadRest().then(() => made.append(...content()));
  return made;
}

function content() {
  const title = make("h1", { tabindex: -1 }, t("account.title"));
  queueMicrotask(() => title.focus());
  const lock = make("section", { class: "card" });
  const open = form(t("account.open"), [whose(email), make("p", {}, t("account.password.why")), password(false)], async (given) => {
    const headers = { Authorization: basic(email, given["password"] ?? "") };
    const shown = await (await call("../login/account", { headers, lone: true }).catch(aboutPassword)).json();
    lock.replaceWith(...unlocked(shown, headers));
  });
  lock.append(make("h2", {}, t("account.settings")), open);
  return [
    make("p", {}, make("a", { href: "#" }, t("account.back"))),
    title,
    make("p", { class: "lead" }, make("bdi", {}, email)),
    usage(),
    podcast(),
    lock,
  ];
}

/**
 * Only the password was asked for, so only that can be wrong.
 *
 * @param {unknown} error
 * @returns {never}
 */
function aboutPassword(error) {
  if (error instanceof Problem) error.more["field"] ??= "password";
  throw error;
}

function usage() {
  const bars = make("div", { class: "quotas" });
  void fill();
  return make("section", { class: "card" }, make("h2", {}, t("account.space")), bars);

  async function fill() {
    try {
      /** @type {Quotas} */
      const quotas = await (await call("../upload/usage")).json();
      bars.append(...Object.entries(quotas).map(([name, quota]) => bar(name, quota)));
      if (!bars.children.length) bars.append(make("p", { class: "small" }, t("quota.none")));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      bars.append(make("p", { class: "said bad" }, await sentence(error)));
    }
  }
}

/**
 * @param {string} name
 * @param {Quotas[string]} quota
 */
function bar(name, { limit, used }) {
  const shown = name === "bytes" ? bytes : name === "conversion-seconds-a-day" ? span : number;
  const label = `q-${name}`;
  return make(
    "p",
    { class: "quota" },
    make("span", { id: label }, t(`quota.${name}`)),
    make("span", { class: "facts" }, t("quota.of", { used: used ? shown(used) : number(0), limit: shown(limit) })),
    make("progress", { max: limit, value: Math.min(used, limit), "aria-labelledby": label }),
  );
}
