/** What went wrong where no place of its own says it. */

import { make } from "./dom.js";
import { dressed } from "./panels.js";
import { sentence } from "./problems.js";

const SHOWN_MILLISECONDS = 8000;
const place = make("p", { class: "toast", role: "alert" });
/** @type {ReturnType<typeof setTimeout>} */
let timer;

document.body.append(place);

/** @param {import("./api.js").Problem} problem */
export async function toast(problem) {
  const [said] = await Promise.all([sentence(problem), dressed()]);
  place.textContent = said;
  clearTimeout(timer);
  timer = setTimeout(() => (place.textContent = ""), SHOWN_MILLISECONDS);
}
