/** Icons. */

import { set } from "./dom.js";

/**
 * Draw an icon that only repeats what words say.
 *
 * @param {string} path
 * @returns {SVGSVGElement}
 */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  set(drawn, "viewBox", "0 0 24 24");
  set(drawn, "aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  set(line, "d", path);
  drawn.append(line);
  return drawn;
}
