/** The page: which view is shown, and what stands around it. */

/** @import {About} from "./types.js" */

import { Problem } from "./api.js";
import { make, say, set } from "./dom.js";
import { forget, goOn, logOut, wasHere } from "./session.js";
import { choose, language, LANGUAGES, load, t } from "./texts.js";

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
const foot = /** @type {HTMLElement} */ (document.querySelector("footer"));

/** Each view is a part of its own. */
const views = { work: () => import("./work.js"), welcome: () => import("./welcome.js") };

async function start() {
  const told = fetch("about.json").then((answer) => /** @type {Promise<About>} */ (answer.json()));
  const loading = [load(), wasHere() ? views.work() : views.welcome()];
  const isMember = wasHere() ? await goOn().then(() => true, notHere) : false;
  await Promise.all(loading);
  surround(isMember);
  await (isMember ? enter(await told) : greet(await told));
}

/** @param {unknown} problem */
function notHere(problem) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401 || problem.status === 403) forget();
  else return true; // the list says what is wrong, and tries again
  return false;
}

/** @param {About} about */
async function greet(about) {
  const { welcome } = await views.welcome();
  show("welcome", welcome(about, () => { surround(true); void enter(about); }));
}

/** @param {About} about */
async function enter(about) {
  const { work } = await views.work();
  show("work", work(about));
  route();
}

/**
 * @param {string} name
 * @param {HTMLElement} view
 */
function show(name, view) {
  document.body.dataset["view"] = name;
  main.replaceChildren(view);
}

/** @param {boolean} isMember */
function surround(isMember) {
  say(/** @type {Element} */ (document.querySelector("header a span")), t("brand"));
  set(nav, "aria-label", t("nav.label"));
  const out = make("button", { class: "quiet", type: "button", click: () => void logOut() }, t("nav.out"));
  nav.replaceChildren(...(isMember ? [make("a", { href: "#account" }, t("nav.account"))] : []), make("a", { href: "api" }, t("nav.api")), ...(isMember ? [out] : []));
  const pick = make("select", { "aria-label": t("foot.language"), change: () => choose(pick.value) });
  for (const [code, { name }] of Object.entries(LANGUAGES)) pick.append(make("option", { value: code, lang: code, selected: code === language }, name));
  foot.replaceChildren(make("span", {}, t("foot.yours")), pick);
}

/** The account is a place of its own, beside the files, which go on. */
async function route() {
  const [files, shown] = main.children;
  const wanted = location.hash === "#account" && document.body.dataset["view"] === "work";
  shown?.remove();
  if (files instanceof HTMLElement) files.hidden = wanted;
  if (!wanted) return;
  const [{ account }] = await Promise.all([import("./account.js"), views.work().then(({ dressed }) => dressed())]);
  const made = account();
  main.append(made);
  made.querySelector("h1")?.focus();
}

addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  void import("./toast.js").then(({ toast }) => toast(event.reason));
});
addEventListener("hashchange", () => void route());
await start();
