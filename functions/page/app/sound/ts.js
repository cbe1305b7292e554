/**
 * MPEG transport streams: the same packets without most of the pictures (ISO/IEC 13818-1 section 2.4).
 *
 * The first picture and the last stay, because they tell when the video begins and how long it is.
 */

import { Parts } from "./parts.js";
import { Whole } from "./whole.js";

/** @typedef {import("./reader.js").Reader} Reader */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

export const PACKET_BYTES = 188;
export const SYNC = 0x47;
const PACKETS_AT_ONCE = 5000;
const PAT_PID = 0;
const NO_PID = 0x1fff;
const SECTION_HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;
const HALF_CLOCK = 2 ** 32; // of 33 bits
// MPEG-1, MPEG-2, MPEG-4, H.264, H.265 and H.266; MPEG-1 and MPEG-2 audio, AAC as ADTS, AC-3 and E-AC-3.
const PICTURES = [0x01, 0x02, 0x10, 0x1b, 0x24, 0x33];
const SOUND = [0x03, 0x04, 0x0f, 0x81, 0x87];

/**
 * Return the sound of a file. Throws Whole.
 * @param {Reader} reader
 * @returns {Promise<Blob>}
 */
export async function copied(reader) {
  if (reader.size % PACKET_BYTES) throw new Whole("damaged");
  const { checkFrames } = await import("./frames.js");
  const parts = new Parts(reader.size);
  const copy = new Copy(parts);
  for (let at = 0; at < reader.size; at += PACKETS_AT_ONCE * PACKET_BYTES) {
    const bytes = await reader.upTo(at, PACKETS_AT_ONCE * PACKET_BYTES);
    for (let start = 0; start < bytes.length; start += PACKET_BYTES) copy.packet(bytes, start, at + start);
  }
  for (const at of copy.end()) parts.add(await reader.bytes(at, at + PACKET_BYTES));
  const blob = parts.blob();
  await checkFrames(blob);
  return blob;
}

/** The times of a stream. */
class Times {
  first = NaN;
  least = Infinity;
  most = -Infinity;

  /** @param {Bytes} payload of the first packet of a frame */
  note(payload) {
    const time = timeOf(payload);
    if (time === null) return;
    if (Number.isNaN(this.first)) this.first = time;
    this.least = Math.min(this.least, time);
    this.most = Math.max(this.most, time);
  }
}

class Pictures {
  times = new Times();
  #count = 0;
  /** @type {number[]} where the packets of the latest picture are, unless it is the first */
  latest = [];

  /**
   * Take a packet, and tell whether it is of the first picture.
   * @param {number} at where it is
   * @param {Bytes | null} begun the payload if a picture begins with it
   */
  isFirst(at, begun) {
    if (begun) {
      this.times.note(begun);
      this.#count++;
      this.latest = [];
    }
    if (this.#count > 1) this.latest.push(at);
    return this.#count === 1;
  }
}

class Copy {
  #table = NO_PID; // the PID of the table of streams
  /** @type {string | undefined} */
  #programs;
  /** @type {string | undefined} */
  #streams;
  #sound = NO_PID;
  #times = new Times();
  /** @type {Map<number, Pictures>} */
  #pictures = new Map();
  /** @type {Set<number>} streams with packets before that table */
  #early = new Set();

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
  }

  /**
   * Take a packet.
   * @param {Bytes} bytes
   * @param {number} start of the packet in them
   * @param {number} at where it is in the file
   */
  packet(bytes, start, at) {
    const high = bytes[start + 1] ?? 0;
    const flags = bytes[start + 3] ?? 0;
    if (bytes[start] !== SYNC || high & 0x80) throw new Whole("damaged");
    const pid = ((high & 0x1f) << 8) | (bytes[start + 2] ?? 0);
    if (pid === NO_PID) return;
    if (flags & 0xc0) throw new Whole("codec"); // scrambled
    const begun = high & 0x40 && flags & 0x10 ? payloadOf(bytes, start, flags) : null;
    if (!this.#streams) this.#early.add(pid);
    if (pid === PAT_PID) this.#takePrograms(sectionOf(begun));
    else if (pid === this.#table) this.#takeStreams(sectionOf(begun));
    else if (pid === this.#sound) {
      if (begun) this.#times.note(begun);
    } else if (!this.#pictures.get(pid)?.isFirst(at, begun)) return;
    this.parts.add(bytes.subarray(start, start + PACKET_BYTES));
  }

  /** Return where the packets of the last pictures are. Throws Whole. */
  end() {
    const { first, least, most } = this.#times;
    if (Number.isNaN(first)) throw new Whole("no_sound");
    const pictures = [...this.#pictures.values()].filter(({ times }) => !Number.isNaN(times.first));
    if (!pictures.length) throw new Whole("only_sound");
    for (const { times } of pictures) {
      // The clock began anew, or which picture is the earliest is not as clear as it must be.
      if (Math.max(most, times.most) - Math.min(least, times.least) > HALF_CLOCK) throw new Whole("damaged");
      if (times.least < Math.min(first, times.first)) throw new Whole("late");
    }
    return pictures.flatMap(({ latest }) => latest);
  }

  /** @param {Bytes} section */
  #takePrograms(section) {
    const programs = section.join();
    if (programs !== (this.#programs ??= programs)) throw new Whole("container");
    const tables = [];
    for (let at = SECTION_HEADER_BYTES; at + 4 <= section.length - CHECKSUM_BYTES; at += 4) {
      const [one, two, three = 0, four = 0] = section.subarray(at, at + 4);
      if (one || two) tables.push(((three & 0x1f) << 8) | four);
    }
    const [table] = tables;
    if (table === undefined || tables.length > 1) throw new Whole("container");
    this.#table = table;
  }

  /** @param {Bytes} section */
  #takeStreams(section) {
    const streams = section.join();
    if (streams === this.#streams) return;
    if (this.#streams) throw new Whole("container");
    this.#streams = streams;
    const sound = [];
    let at = SECTION_HEADER_BYTES + 4 + length12(section, SECTION_HEADER_BYTES + 2);
    for (; at < section.length - CHECKSUM_BYTES; at += 5 + length12(section, at + 3)) {
      const [type = 0, high = 0, low = 0] = section.subarray(at, at + 3);
      const pid = ((high & 0x1f) << 8) | low;
      if (this.#early.has(pid)) throw new Whole("damaged");
      if (PICTURES.includes(type)) this.#pictures.set(pid, new Pictures());
      else if (SOUND.includes(type)) sound.push(pid);
      else throw new Whole("codec"); // perhaps of sound, too
    }
    if (sound.length > 1) throw new Whole("tracks");
    this.#sound = sound[0] ?? NO_PID;
  }
}

/**
 * Return what a packet carries, null if that is nothing.
 * @param {Bytes} bytes
 * @param {number} start
 * @param {number} flags
 */
function payloadOf(bytes, start, flags) {
  const skipped = flags & 0x20 ? 5 + (bytes[start + 4] ?? 0) : 4;
  return skipped < PACKET_BYTES ? bytes.subarray(start + skipped, start + PACKET_BYTES) : null;
}

/**
 * Return the section that a packet has all of. Throws Whole if it has not.
 * @param {Bytes | null} payload
 */
function sectionOf(payload) {
  const start = 1 + (payload?.[0] ?? 0);
  const section = payload?.subarray(start, start + 3 + length12(payload, start + 1));
  const whole = section && section.length === 3 + length12(section, 1);
  if (!whole || section.length <= SECTION_HEADER_BYTES + CHECKSUM_BYTES) throw new Whole("container");
  if ((payload?.[start + section.length] ?? 0xff) !== 0xff) throw new Whole("container"); // another section
  return section;
}

/**
 * Return the time at which a frame is presented (section 2.4.3.6), null if it has none. Throws Whole.
 * @param {Bytes} payload
 */
function timeOf(payload) {
  if (payload[0] || payload[1] || payload[2] !== 1) throw new Whole("damaged");
  if (!((payload[7] ?? 0) & 0x80)) return null;
  const [one = 0, two = 0, three = 0, four = 0, five = 0] = payload.subarray(9, 14);
  return ((one >> 1) & 7) * 2 ** 30 + two * 2 ** 22 + (three >> 1) * 2 ** 15 + four * 2 ** 7 + (five >> 1);
}

/**
 * @param {Bytes} bytes
 * @param {number} at
 */
function length12(bytes, at) {
  return (((bytes[at] ?? 0) & 0x0f) << 8) | (bytes[at + 1] ?? 0);
}
