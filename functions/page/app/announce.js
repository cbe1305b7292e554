/** What a screen reader is told: ends, not progress, and many of a kind in one sentence. */

import { make, say } from "./dom.js";
import { t } from "./texts.js";

const region = make("p", { class: "unseen", role: "status" });
const GATHER_MILLISECONDS = 1200;
/** @type {Map<string, string[]>} */
const gathered = new Map();

document.body.append(region);

/**
 * @param {string} kind a text `said.KIND` counts the files it is about
 * @param {string} name
 */
export function announce(kind, name) {
  if (gathered.size === 0) setTimeout(tell, GATHER_MILLISECONDS);
  gathered.set(kind, [...(gathered.get(kind) ?? []), name]);
}

function tell() {
  const sentences = [...gathered].map(([kind, names]) => t(`said.${kind}`, { n: names.length, name: names[0] ?? "" }));
  gathered.clear();
  say(region, sentences.join(" "));
}
