/** Something to copy, such as a link or a key, and the button that does. */

import { make } from "./dom.js";
import { t } from "./texts.js";

/**
 * @param {HTMLElement} place
 * @param {string} label
 * @param {string} value
 * @param {() => void} copied
 */
export function offer(place, label, value, copied) {
  const input = make("input", { readonly: true, value, "aria-label": label, focus: () => input.select() });
  place.replaceChildren(input, make("button", { type: "button", click: () => void copy() }, t("copy")));
  input.focus();

  async function copy() {
    input.select();
    // Without https there is no clipboard; what is selected is copied then.
    if (navigator.clipboard) await navigator.clipboard.writeText(value);
    else document.execCommand("copy");
    copied();
  }
}
