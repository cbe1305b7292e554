/** The session: a cookie that no script can read; the page keeps it alive, and asks for a login when it has ended. */

import { call, onLost, session } from "./api.js";
import { forget, remember } from "./hint.js";

// Tabs of the same service agree; another service on the same origin is not meant.
const channel = new BroadcastChannel(new URL("..", location.href).pathname);

/** @type {{promise: Promise<void>, resolve: () => void} | undefined} */
let waiting;
const how = { ask: () => location.reload(), answered: () => {}, busy: () => false };
/** @type {ReturnType<typeof setTimeout>} */
let timer;

/** Whose session it is. */
export let email = "";

/** Whether a mail tells them that a file is done. */
export let mails = true;

/** @param {boolean} wanted */
export const setMails = (wanted) => void (mails = wanted);

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

export async function logOut() {
  await call("../login?session", { method: "DELETE", lone: true });
  forget();
  tell("");
  location.reload();
}

/** @param {string} whose whose session it is now, for other tabs */
export const tell = (whose) => channel.postMessage(whose);

/** @param {Record<string, string>} headers */
export async function begin(headers) {
  const answer = await call("../login?session", { method: "POST", headers, lone: true });
  const session = await answer.json();
  // Another tab may have logged in somebody else, and this one may have missed it.
  if (email && email !== session.email && !("Authorization" in headers)) return noticed(session.email);
  email = session.email;
  mails = session.mails ?? true; // a login that is older than this page does not tell
  remember();
  clearTimeout(timer);
  timer = setTimeout(() => goOn().catch(() => {}), session.expires_in * 500); // if this fails, the next call asks for a login
}

/** Let what has waited for a login go on. */
export function renewed() {
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

channel.addEventListener("message", ({ data }) => noticed(data));

/** @param {string} whose whose session it is now, "" if there is none */
function noticed(whose) {
  if (whose && whose === email && waiting) {
    how.answered();
    renewed();
  } else if (whose !== email && how.busy()) void session(); // what waits goes on when its owner is back
  else if (whose !== email) location.reload();
}
