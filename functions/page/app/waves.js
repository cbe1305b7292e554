/** The page's mark: a few bars of sound. */

import { make } from "./dom.js";

const HEIGHTS = [30, 55, 85, 45, 100, 65, 90, 40, 60, 25];

export function waves() {
  const mark = make("div", { class: "waves", "aria-hidden": "true" });
  for (const height of HEIGHTS) {
    const bar = make("i");
    bar.style.blockSize = `${height}%`;
    mark.append(bar);
  }
  return mark;
}
