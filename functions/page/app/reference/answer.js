/** Show an answer as it arrives: its status, its headers, and what is in it. */

import { make, say } from "../dom.js";

const MOST_CHARACTERS = 100_000;
const TEXT = /^(text\/|application\/([\w.+-]*\+)?(json|xml))/;

/**
 * Show in an element what a request is answered with.
 *
 * @param {HTMLElement} place
 * @param {() => Promise<Response>} send
 */
export async function answered(place, send) {
  place.replaceChildren(make("p", {}, "Sent. Waiting for the answer."));
  const began = performance.now();
  try {
    const answer = await send();
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const title = make("p", {}, make("strong", {}, `${answer.status} ${answer.statusText}`.trim()), ` after ${seconds} s`);
    const content = make("div");
    const more = make("details", {}, make("summary", {}, "Headers"), make("pre", { tabindex: "0" }, headers));
    place.replaceChildren(title, more, content);
    const type = answer.headers.get("Content-Type") ?? "";
    if (TEXT.test(type)) await text(content, answer, type.includes("json"));
    else await bytes(content, answer, type);
  } catch (error) {
    const stopped = error instanceof DOMException && error.name === "AbortError";
    place.append(make("p", {}, stopped ? "Stopped." : "No answer: the connection failed. Try again."));
    if (!stopped && !(error instanceof TypeError)) throw error;
  }
}

/**
 * @param {HTMLElement} place
 * @param {Response} answer
 * @param {boolean} isJson
 */
async function text(place, answer, isJson) {
  const shown = make("pre", { tabindex: "0" });
  place.append(shown);
  let all = "";
  // A stream of events never ends, so it is shown as it comes.
  for await (const piece of pieces(answer.body?.pipeThrough(new TextDecoderStream()))) {
    all = (all + piece).slice(0, MOST_CHARACTERS + 1);
    say(shown, all.length > MOST_CHARACTERS ? `${all.slice(0, MOST_CHARACTERS)}…` : all);
  }
  if (isJson && all.length <= MOST_CHARACTERS) say(shown, JSON.stringify(JSON.parse(all), null, 2));
  if (!all) shown.replaceWith(make("p", {}, "The answer has no content."));
}

/**
 * @template T
 * @param {ReadableStream<T> | undefined} stream
 */
async function* pieces(stream) {
  const reader = stream?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) yield /** @type {T} */ (read.value);
}

/**
 * @param {HTMLElement} place
 * @param {Response} answer
 * @param {string} type
 */
async function bytes(place, answer, type) {
  const content = await answer.blob();
  if (!content.size) {
    place.append(make("p", {}, "The answer has no content."));
    return;
  }
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "answer";
  const href = URL.createObjectURL(content);
  const save = make("a", { href, download: name }, `Save ${name}`);
  place.append(make("p", {}, `${content.size} bytes of ${type || "unknown type"}. `, save));
  if (type.startsWith("audio/")) place.append(make("audio", { controls: true, src: href }));
}
