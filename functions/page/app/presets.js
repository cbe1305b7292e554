/** How it should sound: four choices, and all options behind a button; remembered by the browser. */

/** @import {Options} from "./types.js" */

import { make, set } from "./dom.js";
import { dressed } from "./panels.js";
import { t } from "./texts.js";

const KEPT = "sound";

/** @type {Record<string, Options>} */
export const PRESETS = {
  standard: { quality: 2 },
  speech: { channels: 1, normalize: -16, quality: 6 },
  best: { quality: 0 },
  same: {},
};

/** @type {{preset: string, more: Options}} */
const wanted = { preset: "standard", more: {}, ...kept() };

/** @returns {object} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {};
  }
}

const keep = () => localStorage.setItem(KEPT, JSON.stringify(wanted));

/** What is being typed. @type {Awaited<ReturnType<typeof import("./options.js").controls>> | undefined} */
let typed;

/** @returns {Options | undefined} nothing if something typed is wrong, which is shown then */
export function options() {
  if (typed && !typed.confirmed()) return undefined;
  const found = { ...PRESETS[wanted.preset], ...wanted.more };
  if (wanted.more["bitrate"]) delete found["quality"];
  return found;
}

export function presets() {
  const row = make("div", { class: "chips" });
  const panel = make("div", { id: "options" });
  const opens = make("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-controls": "options", click: () => void toggle() });
  for (const name of Object.keys(PRESETS)) {
    const input = make("input", { type: "radio", name: "preset", value: name, checked: name === wanted.preset, change: () => choose(name) });
    row.append(make("label", { title: t(`preset.${name}.more`) }, input, t(`preset.${name}`)));
  }
  row.append(opens);
  label();
  return make("fieldset", { class: "presets" }, make("legend", { class: "unseen" }, t("preset.legend")), row, panel);

  /** @param {string} name */
  function choose(name) {
    wanted.preset = name;
    keep();
  }

  function label() {
    const count = Object.keys(wanted.more).length;
    opens.textContent = count ? t("preset.more.some", { n: count }) : t("preset.more");
  }

  async function toggle() {
    const open = opens.getAttribute("aria-expanded") === "true";
    set(opens, "aria-expanded", String(!open));
    typed = undefined;
    if (open) return panel.replaceChildren();
    const [{ controls }] = await Promise.all([import("./options.js"), dressed()]);
    const made = await controls(wanted.more, (more) => {
      wanted.more = more;
      keep();
      label();
    });
    typed = made;
    panel.replaceChildren(made);
  }
}
