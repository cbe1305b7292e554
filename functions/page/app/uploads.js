/** The queue of files on their way: one is read ahead, two are sent at once, and each goes on after trouble. */

/** @import {Options, Phase, Upload} from "./types.js" */

import { isLost, Problem, session } from "./api.js";
import { remove } from "./orders.js";
import { send } from "./sending.js";

const AT_ONCE = 2;
const AHEAD = 1; // a copied sound is kept in memory until it is sent
const LONGEST_WAIT_SECONDS = 30;
const LEAP = 0.1;
const ENDED = new Set(["refused", "sent", "cancelled"]);

/** @type {Upload[]} */
const uploads = [];
/** @type {(upload: Upload) => void} */
let changed = () => {};

/** @param {(upload: Upload) => void} listener */
export function onChange(listener) {
  changed = listener;
}

/** @returns {Upload[]} those that leaving the page would end */
export const unsent = () => uploads.filter((upload) => !ENDED.has(upload.phase));

/**
 * @param {File} file
 * @param {Options} options
 * @returns {Upload}
 */
export function add(file, options) {
  /** @type {Upload} */
  const upload = {
    key: newKey(),
    file,
    name: file.name,
    options,
    phase: "waiting",
    body: null,
    read: 0,
    sent: 0,
    began: 0,
    tries: 0,
    problem: null,
    stop: new AbortController(),
    unwanted: false,
    job: "",
  };
  uploads.push(upload);
  queueMicrotask(next);
  return upload;
}

/** @param {Upload} upload */
export function pause(upload) {
  enter(upload, "paused");
  stop(upload);
}

/** @param {Upload} upload */
export function goOn(upload) {
  if (upload.phase === "refused") upload.key = newKey();
  upload.tries = 0;
  upload.problem = null;
  enter(upload, upload.body ? "ready" : "waiting");
  next();
}

/** @param {Upload} upload */
export function cancel(upload) {
  upload.unwanted = upload.phase === "sending" && upload.sent === upload.body?.size;
  enter(upload, "cancelled");
  if (!upload.unwanted) {
    stop(upload);
    upload.body = null;
  }
  next();
}

/** @param {Upload} upload */
function stop(upload) {
  upload.stop.abort();
  upload.stop = new AbortController();
}

/** @param {Phase} phase */
const count = (phase) => uploads.filter((upload) => upload.phase === phase).length;

function next() {
  const sendable = uploads.find((upload) => upload.phase === "ready");
  if (sendable && count("sending") < AT_ONCE) {
    void deliver(sendable);
    next();
    return;
  }
  const readable = uploads.find((upload) => upload.phase === "waiting");
  if (readable && count("reading") < 1 && count("ready") < AHEAD) void read(readable);
}

/** @param {Upload} upload */
async function read(upload) {
  enter(upload, "reading");
  const { signal } = upload.stop;
  const { soundOf } = await import("./sound/sound.js");
  if (signal.aborted) return;
  const options = Object.fromEntries(Object.entries(upload.options).map(([name, value]) => [name, String(value)]));
  const onprogress = (/** @type {number} */ share) => {
    upload.read = Math.min(share, upload.read + LEAP); // what tells where the sound is may stand at the end
    changed(upload);
  };
  try {
    const { body } = await soundOf(upload.file, { options, onprogress, signal });
    upload.body = body;
    enter(upload, "ready");
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  next();
}

/** @param {Upload} upload */
async function deliver(upload) {
  const { signal } = upload.stop;
  if (isLost()) return afterLogin(upload, signal).finally(next);
  upload.sent = 0;
  upload.began = performance.now();
  enter(upload, "sending");
  try {
    upload.job = await send(upload, signal, () => upload.unwanted || changed(upload));
    if (upload.unwanted) return void (await remove(upload.job));
    upload.body = null;
    enter(upload, "sent");
  } catch (error) {
    if (signal.aborted || upload.unwanted) return;
    if (!(error instanceof Problem)) throw error;
    upload.problem = error;
    if (error.status === 401) await afterLogin(upload, signal);
    else if (error.passes) await later(upload, error, signal);
    else enter(upload, "refused");
  } finally {
    next();
  }
}

/**
 * @param {Upload} upload
 * @param {AbortSignal} signal
 */
async function afterLogin(upload, signal) {
  enter(upload, "patient");
  next();
  await session();
  upload.problem = null;
  if (!signal.aborted) enter(upload, "ready");
}

/**
 * Wait as long as the service says, or longer with each try; a connection that is back ends the wait.
 *
 * @param {Upload} upload
 * @param {Problem} problem
 * @param {AbortSignal} signal
 */
async function later(upload, problem, signal) {
  upload.tries += 1;
  upload.sent = 0;
  enter(upload, problem.status === 0 ? "offline" : "patient");
  next();
  const seconds = problem.wait || Math.min(2 ** (upload.tries - 1), LONGEST_WAIT_SECONDS);
  await new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
    if (problem.status === 0) addEventListener("online", resolve, { once: true });
    signal.addEventListener("abort", resolve);
  });
  if (!signal.aborted) enter(upload, "ready");
}

/**
 * @param {Upload} upload
 * @param {Phase} phase
 */
function enter(upload, phase) {
  upload.phase = phase;
  changed(upload);
}

/** @returns {string} the key under which an upload may be repeated; crypto.randomUUID needs https */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
