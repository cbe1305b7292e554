/** The style of what a stranger sees, and of what is opened later. */

import address from "./panels.css?address";
import { make } from "./dom.js";

/** @type {Promise<void> | undefined} */
let loaded;

/**
 * Wait until the style is there; without it, what opens would jump.
 *
 * @returns {Promise<void>}
 */
export function dressed() {
  loaded ??= new Promise((done) => {
    // Without its style a panel still works.
    document.head.append(make("link", { rel: "stylesheet", href: address, load: () => done(), error: () => done() }));
  });
  return loaded;
}
