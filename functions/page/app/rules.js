/** What each option takes, by the document of the API, which rules.json is written with. */

/** @import {Options} from "./types.js" */

import found from "./rules.json";

/** @typedef {{type: string | string[], enum?: number[], minimum?: number, maximum?: number, minLength?: number, maxLength?: number, pattern?: string}} Rule */

/** @type {Record<string, Rule>} */
export const RULES = found;

/**
 * Return an option's value as it is sent, or nothing if it may not be sent.
 *
 * @param {string} name
 * @param {string} text
 * @returns {string | number | undefined}
 */
export function read(name, text) {
  const rule = RULES[name];
  const value = text.trim();
  if (!rule || (rule.pattern && !new RegExp(rule.pattern, "u").test(value))) return undefined;
  if (rule.type === "integer" || rule.type === "number") {
    const number = Number(value);
    const isNumber = (rule.type === "integer" ? /^[0-9]{1,9}$/ : /^-?[0-9]{1,9}(\.[0-9]{1,9})?$/).test(value);
    const isWithin = number >= (rule.minimum ?? -Infinity) && number <= (rule.maximum ?? Infinity);
    return isNumber && isWithin && (!rule.enum || rule.enum.includes(number)) ? number : undefined;
  }
  const length = [...value].length;
  return length >= (rule.minLength ?? 0) && length <= (rule.maxLength ?? Infinity) ? value : undefined;
}

/**
 * Return the seconds of a time such as 1:02:03.5, or nothing if it is none.
 *
 * @param {string | number | undefined} text
 */
export function seconds(text) {
  if (text === undefined || text === "") return undefined;
  const parts = String(text).split(":").map(Number);
  const [last = NaN, minutes = 0, hours = 0] = parts.reverse();
  const isTime = parts.length < 2 || (last < 60 && (parts.length < 3 || minutes < 60));
  const total = hours * 3600 + minutes * 60 + last;
  return isTime && Number.isFinite(total) ? total : undefined;
}

/**
 * Return which option does not go with the others, and the key of a sentence that says why.
 *
 * @param {Options} options
 * @returns {{name: string, text: string, n?: number} | undefined}
 */
export function conflict(options) {
  const { bitrate, quality, samplerate, start, end } = options;
  if (bitrate !== undefined && quality !== undefined) return { name: "quality", text: "option.wrong.both" };
  if (end !== undefined && (seconds(end) ?? 0) <= (seconds(start) ?? 0)) return { name: "end", text: "option.wrong.end" };
  const most = samplerate === undefined || Number(samplerate) > 24_000 ? 320 : Number(samplerate) > 12_000 ? 160 : 64;
  if (Number(bitrate ?? 0) > most) return { name: "bitrate", text: "option.wrong.rate", n: most };
  return undefined;
}
