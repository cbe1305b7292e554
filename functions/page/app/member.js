/** A member's page: the files, and the account beside them. */

import { Problem } from "./api.js";
import { make } from "./dom.js";
import { about, close, main, show, surround } from "./frame.js";
import { forget } from "./hint.js";
import { dressed } from "./panels.js";
import { goOn, logOut } from "./session.js";
import { load, t } from "./texts.js";
import { work } from "./work.js";

async function start() {
  const told = about();
  const loading = load("work");
  try {
    await goOn();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 || error.status === 403) return leave();
    // The list says what is wrong, and tries again.
  }
  await loading;
  const out = make("button", { class: "quiet", type: "button", click: () => void logOut() }, t("nav.out"));
  surround((api) => [make("a", { href: "#account" }, t("nav.account")), api, out]);
  show("work", work(await told, close));
  void route();
}

function leave() {
  forget();
  location.reload();
}

/** The account is a place of its own, beside the files, which go on. */
async function route() {
  const loading = location.hash === "#account" && Promise.all([import("./account.js"), dressed()]);
  const loaded = loading && (await loading.catch(goBack));
  const [files, shown] = main.children;
  const wanted = location.hash === "#account" && loaded; // still
  shown?.remove();
  if (files instanceof HTMLElement) files.hidden = Boolean(wanted);
  if (!wanted || !files) return;
  const made = wanted[0].account();
  main.append(made);
  made.querySelector("h1")?.focus();
}

/** @param {unknown} error @returns {never} */
function goBack(error) {
  location.hash = "";
  throw error;
}

addEventListener("hashchange", () => void route());
void start();
