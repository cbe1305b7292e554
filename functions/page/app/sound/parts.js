/** Parts: bytes that become a Blob, handed to the browser as they come: it keeps large ones on the disk. */

import { Whole } from "./whole.js";

const PART_BYTES = 2 ** 21;
const MOST_SHARE = 0.7;

export class Parts {
  /** @type {Blob[]} */
  #blobs = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #waiting = [];
  #waits = 0;
  #most;

  /** @param {number} size of the file that the bytes are from: a copy that is hardly smaller is not worth it */
  constructor(size) {
    this.#most = size * MOST_SHARE;
    this.length = 0;
  }

  /**
   * Add bytes, which may be changed afterwards.
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  add(bytes) {
    this.length += bytes.length;
    if (this.length > this.#most) throw new Whole("mostly_sound");
    this.#waiting.push(bytes.slice());
    this.#waits += bytes.length;
    if (this.#waits >= PART_BYTES) this.#hand();
  }

  /**
   * Return all of it, after a head.
   * @param {Uint8Array<ArrayBuffer>[]} head
   */
  blob(...head) {
    this.#hand();
    const blob = new Blob([...head, ...this.#blobs]);
    if (blob.size > this.#most) throw new Whole("mostly_sound");
    return blob;
  }

  #hand() {
    this.#blobs.push(new Blob(this.#waiting));
    this.#waiting = [];
    this.#waits = 0;
  }
}
