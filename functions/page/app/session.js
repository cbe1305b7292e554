/** The session: a cookie that no script can read; the page keeps it alive, and asks for a login when it has ended. */

import { call, onLost } from "./api.js";

const HINT = "member"; // whether somebody was logged in last time: which view is loaded while the answer is awaited
// Tabs of the same service agree; another service on the same origin is not meant.
const channel = new BroadcastChannel(new URL("..", location.href).pathname);

/** @type {{promise: Promise<void>, resolve: () => void} | undefined} */
let waiting;
const how = { ask: () => location.reload(), answered: () => {}, busy: () => false };
/** @type {ReturnType<typeof setTimeout>} */
let timer;

/** Whose session it is. */
export let email = "";

export const wasHere = () => localStorage.getItem(HINT) === "yes";

/**
 * Say how to ask for a login in the middle of work, what to do when it was answered elsewhere, and whether something
 * would be lost by leaving.
 *
 * @param {Partial<typeof how>} ways
 */
export function during(ways) {
  Object.assign(how, ways);
}

/** Go on with the session of an earlier visit. Throws a Problem if there is none. */
export const goOn = () => begin({});

/**
 * Log in. Throws a Problem.
 *
 * @param {string} given
 * @param {string} password
 */
export async function logIn(given, password) {
  const former = email;
  await begin({ Authorization: basic(given, password) });
  channel.postMessage(email);
  if (former && former !== email) location.reload();
  renewed();
}

export async function logOut() {
  await call("../login?session", { method: "DELETE", lone: true });
  forget();
  channel.postMessage("");
  location.reload();
}

/** @param {Record<string, string>} headers */
async function begin(headers) {
  const answer = await call("../login?session", { method: "POST", headers, lone: true });
  const session = await answer.json();
  email = session.email;
  localStorage.setItem(HINT, "yes");
  clearTimeout(timer);
  timer = setTimeout(() => goOn().catch(() => {}), session.expires_in * 500); // if this fails, the next call asks for a login
}

/**
 * @param {string} given
 * @param {string} password
 */
export function basic(given, password) {
  const text = new TextEncoder().encode(`${given}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...text))}`;
}

export const forget = () => localStorage.removeItem(HINT);

function renewed() {
  waiting?.resolve();
  waiting = undefined;
}

onLost(() => {
  if (!waiting) {
    let resolve = () => {};
    waiting = { promise: new Promise((done) => (resolve = () => done())), resolve };
    how.ask();
  }
  return waiting.promise;
});

channel.addEventListener("message", ({ data }) => {
  if (data && data === email && waiting) {
    how.answered();
    renewed();
  } else if (data !== email && !how.busy()) location.reload();
});
