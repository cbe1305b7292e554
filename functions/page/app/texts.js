/** Words, numbers and times in the language of the browser, or the one that was chosen here. */

/** @import {Texts} from "./types.js" */

/** @typedef {"welcome" | "work" | "later"} Part what a view shows at once, and what either may come to say */

/** @type {Record<string, {name: string} & Record<Part, () => Promise<{default: Texts}>>>} */
export const LANGUAGES = {
  en: { name: "English", welcome: () => import("./texts/en.json?first+welcome"), work: () => import("./texts/en.json?first+work+jobs"), later: () => import("./texts/en.json?welcome+sending+later") },
  de: { name: "Deutsch", welcome: () => import("./texts/de.json?first+welcome"), work: () => import("./texts/de.json?first+work+jobs"), later: () => import("./texts/de.json?welcome+sending+later") },
  es: { name: "Español", welcome: () => import("./texts/es.json?first+welcome"), work: () => import("./texts/es.json?first+work+jobs"), later: () => import("./texts/es.json?welcome+sending+later") },
};
const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];
const RUNS_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const CHOSEN = "language";

export const language = chosen();
const locale = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
/** @type {Texts} */
const texts = {};

/** @returns {string} */
function chosen() {
  const wished = [localStorage.getItem(CHOSEN) ?? "", ...navigator.languages.map((each) => each.split("-")[0] ?? "")];
  return wished.find((each) => Object.hasOwn(LANGUAGES, each)) ?? "en";
}

/**
 * Load the texts that a view shows at once.
 *
 * @param {Part} part
 */
export async function load(part) {
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
  Object.assign(texts, (await LANGUAGES[language]?.[part]())?.default);
}

/** Load all other texts. */
export const loadRest = () => load("later");

/** @param {string} wanted */
export function choose(wanted) {
  localStorage.setItem(CHOSEN, wanted);
  location.reload();
}

/** @param {string} key */
export const has = (key) => Object.hasOwn(texts, key);

/**
 * Return a text; `{name}` in it becomes that value, and `n` decides about the plural.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const found = texts[key] ?? key;
  const n = values["n"];
  const text = typeof found === "string" ? found : found[format(Intl.PluralRules).select(Number(n))] ?? found["other"];
  return (text ?? key).replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return isolated(typeof value === "number" ? number(value) : value);
  });
}

/** @type {Map<string, any>} */
const formats = new Map();

/**
 * Return what formats in this way, made once: making one takes as long as a row of the list.
 *
 * @template Format
 * @param {new (locale: string, how?: any) => Format} Kind
 * @param {object} [how]
 * @returns {Format}
 */
function format(Kind, how) {
  const key = Kind.name + JSON.stringify(how);
  if (!formats.has(key)) formats.set(key, new Kind(locale, how));
  return formats.get(key);
}

/**
 * Keep what is filled in from mixing with a sentence that runs the other way: texts have no bdi.
 *
 * @param {string} value
 */
const isolated = (value) => (document.documentElement.dir === "rtl" || RUNS_LEFT.test(value) ? `\u2068${value}\u2069` : value);

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [how]
 */
export const number = (value, how) => format(Intl.NumberFormat, how).format(value);

/** @param {string} text @returns {string} a number that was typed as the language writes it, with a point */
export const pointed = (text) => text.replace(number(0.5).replace(/\d/g, ""), ".");

/** @param {number} share from 0 to 1 */
export const percent = (share) => number(share, { style: "percent" });

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** @param {number} count @returns {number} which of the units it is told in */
export const power = (count) => Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), 4);

/** @param {number} count */
export function bytes(count) {
  const value = count / 1000 ** power(count);
  const maximumFractionDigits = value < 10 && power(count) > 1 ? 1 : 0;
  return number(value, { style: "unit", unit: UNITS[power(count)] ?? "byte", unitDisplay: "short", maximumFractionDigits });
}

/** @param {number} seconds @returns {string} as a clock has it, such as 1:02:03 */
export function clock(seconds) {
  const whole = Math.round(seconds);
  const two = { minimumIntegerDigits: 2, useGrouping: false };
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return [...(hours ? [number(hours), number(minutes, two)] : [number(minutes)]), number(whole % 60, two)].join(":");
}

/** @param {number} count @returns {string} such as 30 days */
export const days = (count) => number(count, { style: "unit", unit: "day", unitDisplay: "long" });

/** @param {string} moment @returns {string} such as 3 minutes ago */
export function ago(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const told = format(Intl.RelativeTimeFormat, { numeric: "auto" });
  if (seconds > -60) return t("job.now");
  if (seconds > -3600) return told.format(Math.round(seconds / 60), "minute");
  if (seconds > -86_400) return told.format(Math.round(seconds / 3600), "hour");
  return told.format(Math.round(seconds / 86_400), "day");
}

/** @param {string} moment */
export const day = (moment) => format(Intl.DateTimeFormat, { dateStyle: "medium" }).format(new Date(moment));
