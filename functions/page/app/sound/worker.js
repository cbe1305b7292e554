/** The worker that copies the sound out of a video. */

import { copied } from "./copied.js";
import { Whole } from "./whole.js";

self.onmessage = async ({ data: { file, options } }) => {
  const told = (/** @type {number} */ share) => self.postMessage({ share });
  try {
    self.postMessage({ body: await copied(file, options, told) });
  } catch (error) {
    // Whatever goes wrong, the whole file is as good, only longer.
    self.postMessage({ why: error instanceof Whole ? error.why : "failed", error: String(error) });
  }
};
