/** Boxes: what MP4 and QuickTime files consist of (ISO/IEC 14496-12 section 4.2). */

import { Whole } from "../whole.js";

const HEADER_BYTES = 8;
const LARGE_HEADER_BYTES = 16;

/**
 * Return the type of the box that begins with these bytes, and how long it and its header are; null at the end.
 * @param {Uint8Array} head its first bytes, 16 if there are so many
 * @param {number} room how many bytes there are from its start
 */
export function begun(head, room) {
  if (head.length < HEADER_BYTES) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const type = String.fromCharCode(...head.subarray(4, 8));
  const size = view.getUint32(0);
  if (size !== 1) return { type, header: HEADER_BYTES, length: size || room };
  if (head.length < LARGE_HEADER_BYTES) throw new Whole("damaged");
  return { type, header: LARGE_HEADER_BYTES, length: Number(view.getBigUint64(8)) };
}

/** A box in memory: changing its content changes what it was read from. */
export class Box {
  /**
   * @param {string} type
   * @param {Uint8Array<ArrayBuffer>} bytes all of it
   * @param {number} header
   */
  constructor(type, bytes, header) {
    this.type = type;
    this.bytes = bytes;
    this.content = bytes.subarray(header);
    this.view = new DataView(this.content.buffer, this.content.byteOffset, this.content.length);
  }

  /** Return the boxes in it. */
  get children() {
    /** @type {Box[]} */
    const found = [];
    for (let at = 0; at < this.content.length; ) {
      const room = this.content.length - at;
      const next = begun(this.content.subarray(at, at + LARGE_HEADER_BYTES), room);
      if (!next) break;
      if (next.length < next.header || next.length > room) throw new Whole("damaged");
      found.push(new Box(next.type, this.content.subarray(at, at + next.length), next.header));
      at += next.length;
    }
    return found;
  }

  /**
   * Return the first box at a path of types, if there is one.
   * @param {...string} path
   * @returns {Box | undefined}
   */
  at(...path) {
    const [type, ...rest] = path;
    const found = this.children.find((box) => box.type === type);
    return rest.length ? found?.at(...rest) : found;
  }

  /**
   * Return the box at a path. Throws Whole if there is none.
   * @param {...string} path
   */
  need(...path) {
    const found = this.at(...path);
    if (!found) throw new Whole("damaged");
    return found;
  }
}

/**
 * Return the header of a box.
 * @param {string} type
 * @param {number} length of its content
 */
export function header(type, length) {
  const large = length + HEADER_BYTES >= 2 ** 32;
  const bytes = new Uint8Array(large ? LARGE_HEADER_BYTES : HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, large ? 1 : length + HEADER_BYTES);
  for (let at = 0; at < 4; at++) bytes[4 + at] = type.charCodeAt(at);
  if (large) view.setBigUint64(8, BigInt(length + LARGE_HEADER_BYTES));
  return bytes;
}

/**
 * Return a box.
 * @param {string} type
 * @param {Uint8Array[]} content
 */
export function made(type, ...content) {
  const length = content.reduce((sum, bytes) => sum + bytes.length, 0);
  const head = header(type, length);
  const bytes = new Uint8Array(head.length + length);
  let at = 0;
  for (const part of [head, ...content]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Return numbers as they are stored, in 32 bits each.
 * @param {...number} numbers
 */
export function words(...numbers) {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, place) => view.setUint32(4 * place, number));
  return new Uint8Array(view.buffer);
}
