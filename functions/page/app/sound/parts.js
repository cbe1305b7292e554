/** Parts: bytes that become a Blob, handed to the browser as they come: it keeps large ones on the disk. */

import { Whole } from "./whole.js";

const PART_BYTES = 2 ** 21;
const MOST_SHARE = 0.7;

export class Parts {
  /** @type {Blob[]} */
  #handed = [];
  #part = new Uint8Array(PART_BYTES);
  #filled = 0;
  #most;

  /** @param {number} size of the file that the bytes are from: a copy that is hardly smaller is not worth it */
  constructor(size) {
    this.#most = size * MOST_SHARE;
    this.length = 0;
  }

  /**
   * Add a copy of bytes.
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  add(bytes) {
    this.length += bytes.length;
    if (this.length > this.#most) throw new Whole("mostly_sound");
    if (this.#filled + bytes.length > PART_BYTES) this.#hand();
    if (bytes.length > PART_BYTES) this.#handed.push(new Blob([bytes]));
    else {
      this.#part.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
  }

  /**
   * Return all of them in a Blob, after a head.
   * @param {Uint8Array<ArrayBuffer>[]} head
   */
  blob(...head) {
    this.#hand();
    const blob = new Blob([...head, ...this.#handed]);
    if (blob.size > this.#most) throw new Whole("mostly_sound");
    return blob;
  }

  #hand() {
    this.#handed.push(new Blob([this.#part.subarray(0, this.#filled)]));
    this.#filled = 0;
  }
}
