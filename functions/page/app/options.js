/** Every option of the service with a control of its own, checked before anything is sent. */

/** @import {Options} from "./types.js" */

import { make, say, set } from "./dom.js";
import { conflict, read, RULES, seconds } from "./rules.js";
import { loadRest, number, pointed, t } from "./texts.js";

const GROUPS = {
  sound: ["quality", "bitrate", "samplerate", "channels", "effort"],
  part: ["start", "end", "track"],
  effect: ["normalize", "volume", "fade_in", "fade_out", "speed"],
  tags: ["title", "artist", "album", "cover"],
};
const TIMES = ["start", "end", "cover"];
const EITHER = ["quality", "bitrate"];

let count = 0;

/** @typedef {{value: () => Options | undefined, confirmed: () => boolean, fill: (name: string, value: string) => void}} Controls */

/**
 * @param {Options} given
 * @param {(options: Options) => void} changed is told what was typed once all of it is right
 * @returns {Promise<HTMLElement & Controls>}
 */
export async function controls(given, changed) {
  await loadRest();
  const form = (count += 1);
  /** @type {Map<string, {input: HTMLInputElement | HTMLSelectElement, says: HTMLElement}>} */
  const all = new Map();
  const groups = Object.entries(GROUPS).map(([group, names]) =>
    make("fieldset", {}, make("legend", {}, t(`option.group.${group}`)), ...names.map((name) => control(name))),
  );
  const reset = make("button", { type: "button", class: "quiet", click: clear }, t("option.reset"));
  const made = make("div", { class: "options" }, ...groups, reset);
  return Object.assign(made, { value: check, confirmed, fill });

  /** @param {string} name */
  function control(name) {
    const id = `o${form}-${name}`;
    const rule = RULES[name] ?? { type: "string" };
    const says = make("small", { id: `${id}-says` }, hint(name));
    const common = { id, name, "aria-describedby": says.id, change: () => chosen(name) };
    const input = rule.enum
      ? make("select", common, make("option", { value: "" }, t("option.default")), ...rule.enum.map((each) => make("option", { value: each }, name === "channels" ? t(`option.channels.${each}`) : number(each))))
      : make("input", { ...common, autocomplete: "off", inputmode: rule.type === "string" || Array.isArray(rule.type) ? undefined : "decimal" });
    input.value = String(given[name] ?? "");
    all.set(name, { input, says });
    return make("p", { class: "field" }, make("label", { for: id }, t(`option.${name}`)), input, says);
  }

  /** @returns {Options | undefined} nothing if something is wrong */
  function value() {
    /** @type {Options} */
    const options = {};
    let wrong = false;
    for (const [name, { input, says }] of all) {
      const text = input.value.trim();
      const found = text ? read(name, RULES[name]?.type === "number" ? pointed(text) : text) : undefined;
      const bad = text !== "" && (found === undefined || (TIMES.includes(name) && found !== "none" && seconds(found) === undefined));
      if (found !== undefined && !bad) options[name] = found;
      mark(name, bad ? t(hint(name) ? "option.wrong" : "option.wrong.plain", { hint: hint(name) }) : "");
      wrong ||= bad;
      if (!bad) say(says, hint(name));
    }
    const clash = wrong ? undefined : conflict(options);
    if (clash) mark(clash.name, t(clash.text, { n: clash.n ?? 0 }));
    return wrong || clash ? undefined : options;
  }

  /**
   * @param {string} name
   * @param {string} problem
   */
  function mark(name, problem) {
    const found = all.get(name);
    if (!found) return;
    set(found.input, "aria-invalid", problem ? "true" : undefined);
    set(found.says, "class", problem ? "bad" : undefined);
    if (problem) say(found.says, problem);
  }

  /** @returns {Options | undefined} nothing if something is wrong */
  function check() {
    const options = value();
    if (options) changed(options);
    return options;
  }

  /** @returns {boolean} whether nothing is wrong; what is wrong is shown */
  function confirmed() {
    if (check()) return true;
    const wrong = made.querySelector("[aria-invalid]");
    if (wrong instanceof HTMLElement) wrong.focus();
    wrong?.scrollIntoView({ block: "center" }); // with what is said below it
    return false;
  }

  /** @param {string} name */
  function chosen(name) {
    const other = EITHER.includes(name) && all.get(name)?.input.value ? all.get(EITHER.find((each) => each !== name) ?? "") : undefined;
    if (other) other.input.value = "";
    check();
  }

  function clear() {
    for (const { input } of all.values()) input.value = "";
    check();
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  function fill(name, text) {
    const found = all.get(name);
    if (found) found.input.value = text;
    check();
  }
}

/** @param {string} name */
function hint(name) {
  const rule = RULES[name];
  if (TIMES.includes(name)) return t("option.hint.time");
  if (name === "track") return t("option.hint.track");
  if (rule?.minimum === undefined || rule.enum) return "";
  const plain = (/** @type {number} */ limit) => number(limit, { useGrouping: false }); // as it may be typed
  return t("option.hint.range", { least: plain(rule.minimum), most: rule.maximum === undefined ? "" : plain(rule.maximum) });
}
