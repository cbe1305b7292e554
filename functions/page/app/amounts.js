/** Amounts of what takes a while. */

import { number, power } from "./texts.js";

/** @param {number} count @param {number} whole @returns {string} a number in the unit that the whole is told in */
export function part(count, whole) {
  const digits = whole / 1000 ** power(whole) < 10 && power(whole) > 1 ? 1 : 0;
  return number(count / 1000 ** power(whole), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number} seconds @returns {string} in its largest unit, such as 8 seconds */
export function span(seconds) {
  const [unit, size] = seconds < 90 ? ["second", 1] : seconds < 5400 ? ["minute", 60] : ["hour", 3600];
  return number(Math.max(1, Math.round(seconds / Number(size))), { style: "unit", unit: String(unit), unitDisplay: "long" });
}
