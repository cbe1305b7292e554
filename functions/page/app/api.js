/** Calls of the functions beside the page: addresses are relative, errors are problems with a sentence. */

/** Why a call failed; `code` is one of the service's, or `offline`. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} title
   * @param {number} [wait] seconds until it may work
   * @param {Record<string, any>} [more]
   */
  constructor(status, code, title, wait = 0, more = {}) {
    super(title);
    this.status = status;
    this.code = code;
    this.wait = wait;
    this.more = more;
  }

  /** Whether the same may work later. */
  get passes() {
    return this.status === 0 || this.status === 408 || this.status >= 500 || this.wait > 0;
  }
}

/** A request by the session's cookie carries this, which no form and no page of others can send. */
export const OURS = { "X-Requested-With": "page" };

/** @type {() => Promise<void>} */
let whenLost = () => Promise.reject(new Problem(401, "unauthorized", ""));

/**
 * Say what a call waits for if the session has ended: a new one.
 *
 * @param {() => Promise<void>} again
 */
export function onLost(again) {
  whenLost = again;
}

/** @type {Promise<void> | undefined} */
let awaited;

/** @returns {Promise<void>} when there is a session again */
export function session() {
  awaited ??= whenLost().finally(() => (awaited = undefined));
  return awaited;
}

/** Whether calls must wait, because there is no session, or another user's. */
export const isLost = () => awaited !== undefined;

/**
 * @typedef {object} Asked
 * @property {string} [method]
 * @property {unknown} [json] sent as the body
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [keepalive]
 * @property {boolean} [lone] whether a 401 is an answer like others, not the end of the session
 */

/**
 * Call an address and return the answer. Throws a Problem for any error.
 *
 * @param {string} address
 * @param {Asked} [asked]
 * @returns {Promise<Response>}
 */
export async function call(address, asked = {}) {
  const { json, lone, headers, ...rest } = asked;
  /** @type {RequestInit} */
  const request = { ...rest, headers: { ...OURS, ...headers }, cache: "no-store" };
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers = { ...request.headers, "Content-Type": "application/json" };
  }
  if (!lone) await awaited;
  const answer = await fetch(address, request).catch((error) => {
    if (rest.signal?.aborted) throw error;
    throw new Problem(0, "offline", String(error));
  });
  if (answer.ok) return answer;
  const problem = problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  if (answer.status !== 401 || lone) throw problem;
  await session();
  return call(address, { ...asked, lone: true });
}

/**
 * Read an error's body; proxies send their own, which says nothing to people.
 *
 * @param {number} status
 * @param {string} text
 * @param {string | null} wait
 * @returns {Problem}
 */
export function problemOf(status, text, wait) {
  const seconds = Number(wait) || 0;
  try {
    const { code, title, ...more } = JSON.parse(text);
    return new Problem(status, String(code), String(title), seconds, more);
  } catch {
    return new Problem(status, status >= 500 ? "unavailable" : "internal", `HTTP ${status}`, seconds);
  }
}
