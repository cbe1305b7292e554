/** One request that sends one file; it may be repeated under its key without a second job. */

/** @import {Upload} from "./types.js" */

import { OURS, Problem, problemOf } from "./api.js";

const STALLED_MILLISECONDS = 30_000;
const UNANSWERED_MILLISECONDS = 180_000;

/**
 * Send what an upload has, and return the id of its job. Throws a Problem.
 *
 * @param {Upload} upload
 * @param {AbortSignal} signal
 * @param {() => void} progress
 * @returns {Promise<string>}
 */
export function send(upload, signal, progress) {
  const request = new XMLHttpRequest(); // fetch tells nothing of what was sent
  /** @type {ReturnType<typeof setTimeout>} */
  let watch;
  const end = () => request.abort();
  const heard = (milliseconds = STALLED_MILLISECONDS) => {
    clearTimeout(watch);
    watch = setTimeout(end, milliseconds);
  };
  return /** @type {Promise<string>} */ (
    new Promise((resolve, reject) => {
      request.open("POST", address(upload));
      request.setRequestHeader("Idempotency-Key", `"${upload.key}"`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      for (const [name, value] of Object.entries(OURS)) request.setRequestHeader(name, value);
      request.upload.onprogress = ({ loaded }) => {
        heard();
        upload.sent = loaded;
        progress();
      };
      request.upload.onload = () => heard(UNANSWERED_MILLISECONDS);
      request.onload = () => {
        const { status, responseText } = request;
        const id = status >= 200 && status < 300 && idIn(responseText);
        if (id) resolve(id);
        else reject(problemOf(status, responseText, request.getResponseHeader("Retry-After")));
      };
      request.onerror = request.onabort = () => reject(new Problem(0, "offline", ""));
      signal.addEventListener("abort", end);
      addEventListener("offline", end);
      heard();
      request.send(upload.body);
    })
  ).finally(() => {
    clearTimeout(watch);
    signal.removeEventListener("abort", end);
    removeEventListener("offline", end);
  });
}

/** @param {string} text @returns {string} the job's id, or nothing if a proxy has answered in the service's place */
function idIn(text) {
  try {
    return String(JSON.parse(text).id ?? "");
  } catch {
    return "";
  }
}

/** @param {Upload} upload */
function address({ name, options }) {
  const query = new URLSearchParams({ filename: name });
  for (const [option, value] of Object.entries(options)) query.set(option, String(value));
  return `../upload?${query}`;
}
