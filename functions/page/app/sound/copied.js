/** Copied: the sound of a file in a container of its own, where that is known to make the same MP3. */

import { Reader } from "./reader.js";
import { Whole } from "./whole.js";

/**
 * Return the sound of a file. Throws Whole if it cannot be copied.
 * @param {File} file
 * @param {Record<string, string>} options
 * @param {(share: number) => void} told
 * @returns {Promise<Blob>}
 */
export async function copied(file, options, told) {
  new Reader(file, told);
  throw new Whole("container");
}
