/** Reader: the bytes of a file, read from the disk in large slices, one of which is kept. */

import { Whole } from "./whole.js";

const SLICE_BYTES = 2 ** 23;
const MOST_BYTES = 2 ** 27;
const STALL_MILLISECONDS = 15_000;

export class Reader {
  #file;
  #told;
  #start = 0;
  #slice = new Uint8Array(0);

  /**
   * @param {Blob} file
   * @param {(share: number) => void} told
   */
  constructor(file, told) {
    this.#file = file;
    this.#told = told;
    this.size = file.size;
  }

  /**
   * Return the bytes from `start` to `end`, which are valid until the next call.
   * @param {number} start
   * @param {number} end
   */
  async bytes(start, end) {
    if (!(start >= 0 && end >= start && end <= this.size)) throw new Whole("damaged");
    if (end - start > MOST_BYTES) throw new Whole("container");
    if (start < this.#start || end > this.#start + this.#slice.length) {
      const until = Math.min(this.size, Math.max(end, start + SLICE_BYTES));
      this.#slice = await inTime(this.#file.slice(start, until).arrayBuffer());
      this.#start = start;
      if (this.#slice.length !== until - start) throw new Whole("damaged");
      this.#told(start / this.size);
    }
    return this.#slice.subarray(start - this.#start, end - this.#start);
  }

  /**
   * Return as many as `length` bytes from `start`, fewer at the end of the file.
   * @param {number} start
   * @param {number} length
   */
  async upTo(start, length) {
    return this.bytes(start, Math.min(this.size, start + length));
  }
}

/**
 * @param {Promise<ArrayBuffer>} read
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function inTime(read) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Whole("stalled")), STALL_MILLISECONDS);
  });
  try {
    return new Uint8Array(/** @type {ArrayBuffer} */ (await Promise.race([read, late])));
  } finally {
    clearTimeout(timer);
  }
}
