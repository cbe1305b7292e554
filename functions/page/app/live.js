/** Jobs as they change: a stream of events, read by fetch, or the newest page again and again where none arrives. */

/** @import {Job} from "./types.js" */

import { call, Problem } from "./api.js";
import { heard } from "./jobs.js";

const SILENT_MILLISECONDS = 60_000; // the service says something at least every quarter of this
const POLL_MILLISECONDS = 5_000;
const LONGEST_WAIT_MILLISECONDS = 30_000;

/**
 * @typedef {object} Listener
 * @property {(job: Job) => void} take one that is new, or changed
 * @property {(id: string) => void} drop one that is gone
 * @property {() => Promise<void>} refresh more has changed than was told
 * @property {(lost: boolean) => void} mark nothing is heard at the moment
 */

/**
 * Follow the jobs as long as the page is open.
 *
 * @param {Listener} listener
 */
export async function follow(listener) {
  let last = "";
  let failures = 0;
  let retry = 2000;
  // A stream whose connection has gone is silent for a while before it breaks.
  addEventListener("offline", () => listener.mark(true));
  addEventListener("online", () => void ask(listener));
  for (;;) {
    // Until the stream speaks, changes are asked for.
    const poll = setInterval(() => void ask(listener), POLL_MILLISECONDS);
    try {
      for await (const event of stream(last)) {
        clearInterval(poll);
        failures = 0;
        listener.mark(false);
        if (!last) await ask(listener); // for what has changed since the list was shown
        last = event.id || last;
        retry = event.retry || retry;
        if (event.data) await tell(event, listener);
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failures += 1;
      listener.mark(error.status === 0);
      retry = Math.max(retry, error.wait * 1000);
    }
    await pause(Math.min(retry * 2 ** Math.max(failures - 1, 0), LONGEST_WAIT_MILLISECONDS));
    clearInterval(poll);
  }
}

/** @param {Listener} listener */
async function ask(listener) {
  try {
    await listener.refresh();
    listener.mark(false);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    listener.mark(true);
  }
}

/** @typedef {{id: string, event: string, data: string, retry: number}} Told */

/**
 * @param {Told} told
 * @param {Listener} listener
 */
async function tell(told, listener) {
  if (told.event === "reload") await listener.refresh();
  else if (told.event === "deleted") listener.drop(JSON.parse(told.data).id);
  else listener.take(heard(JSON.parse(told.data)));
}

/**
 * @param {string} last
 * @returns {AsyncGenerator<Told>}
 */
async function* stream(last) {
  const stop = new AbortController();
  let watch = setTimeout(() => stop.abort(), SILENT_MILLISECONDS);
  try {
    const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
    const answer = await call("../jobs/events", { headers, signal: stop.signal });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      clearTimeout(watch);
      watch = setTimeout(() => stop.abort(), SILENT_MILLISECONDS);
      const blocks = (text + read.value).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) yield parsed(block);
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(0, "offline", String(error));
  } finally {
    clearTimeout(watch);
    stop.abort();
  }
}

/** @param {string} block */
function parsed(block) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 1).trim();
  }
  return { id: found["id"] ?? "", event: found["event"] ?? "", data: found["data"] ?? "", retry: Number(found["retry"]) || 0 };
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
