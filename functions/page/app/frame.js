/** What stands around each view, and what is said where nothing else says it. */

/** @import {About} from "./types.js" */

import { Problem } from "./api.js";
import { make, say, set } from "./dom.js";
import { choose, language, LANGUAGES, t } from "./texts.js";

/** The place of the view. */
export const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const foot = /** @type {HTMLElement} */ (document.querySelector("footer"));

/** @returns {Promise<About>} what the service allows */
export const about = async () => (await fetch("about.json")).json();

/**
 * @param {string} name
 * @param {HTMLElement} view
 */
export function show(name, view) {
  document.body.dataset["view"] = name;
  main.replaceChildren(view);
}

/** @param {(reference: Node) => Node[]} ways the links beside that to the page about the API */
export function surround(ways) {
  const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
  say(/** @type {Element} */ (document.querySelector("header a span")), t("brand"));
  set(nav, "aria-label", t("nav.label"));
  nav.replaceChildren(...ways(make("a", { href: "api" }, t("nav.api"))));
}

/** Show what stands below the view, once that will not grow. */
export function close() {
  const pick = make("select", { "aria-label": t("foot.language"), change: () => choose(pick.value) });
  for (const [code, { name }] of Object.entries(LANGUAGES)) pick.append(make("option", { value: code, lang: code, selected: code === language }, name));
  foot.replaceChildren(make("span", {}, t("foot.yours")), pick);
}

addEventListener("unhandledrejection", (event) => {
  // What is loaded when it is needed fails like this without a connection.
  const problem = event.reason instanceof TypeError && !navigator.onLine ? new Problem(0, "offline", "") : event.reason;
  if (!(problem instanceof Problem)) return;
  event.preventDefault();
  void import("./toast.js").then(({ toast }) => toast(problem));
});
