/**
 * Matroska and WebM: the same file without the blocks of other tracks.
 *
 * Each element of the track, the blocks of its sound, tags, chapters and attached pictures are copied as they are: what a
 * decoder skips at the beginning and the end stands in several places (CodecDelay, DiscardPadding). If the pictures begin
 * before the sound, the first of them stay, because they tell when.
 */

import { Parts } from "./parts.js";
import { checkEnd, isLate } from "./times.js";
import { Whole } from "./whole.js";

/** @typedef {import("./reader.js").Reader} Reader */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{id: number, start: number, body: number, end: number, open: boolean}} Element */
/** @typedef {{entry: Bytes, pictures: boolean, first: number, least: number, begin: Bytes[][]}} Track */

const HEADER_MOST_BYTES = 12;
const DEFAULT_SCALE = 1_000_000; // ns
const PICTURES = 1;
const SOUND = 2;
/** What the codecs of each type of track begin with. @type {Record<number, string>} */
const LETTERS = { [PICTURES]: "V_", [SOUND]: "A_", 17: "S_", 18: "B_", 33: "D_" };
// A decoder of pictures may hold back as many before it knows which is the earliest (H.264, H.265).
const HELD_BACK = 16;

// RFC 9559 section 5, RFC 8794 section 11.
const ID = {
  EBML: 0x1a45dfa3,
  Segment: 0x18538067,
  SeekHead: 0x114d9b74,
  Seek: 0x4dbb,
  SeekID: 0x53ab,
  SeekPosition: 0x53ac,
  Info: 0x1549a966,
  TimestampScale: 0x2ad7b1,
  Duration: 0x4489,
  Tracks: 0x1654ae6b,
  TrackEntry: 0xae,
  TrackNumber: 0xd7,
  TrackType: 0x83,
  CodecID: 0x86,
  Video: 0xe0,
  Audio: 0xe1,
  Cluster: 0x1f43b675,
  Timestamp: 0xe7,
  SimpleBlock: 0xa3,
  BlockGroup: 0xa0,
  Block: 0xa1,
  Cues: 0x1c53bb6b,
  Chapters: 0x1043a770,
  Tags: 0x1254c367,
  Attachments: 0x1941a469,
  Void: 0xec,
  Checksum: 0xbf,
  PrevSize: 0xab,
  Position: 0xa7,
};
const LEVEL_1 = [ID.SeekHead, ID.Info, ID.Tracks, ID.Cluster, ID.Cues, ID.Chapters, ID.Tags, ID.Attachments];
const IGNORED = [ID.Void, ID.Checksum, ID.PrevSize, ID.Position];
const ABOUT = [ID.Video, ID.Audio];
const COPIED = [ID.Info, ID.Chapters, ID.Tags, ID.Attachments];
const CODECS = /^A_(AAC|AC3|EAC3|OPUS|VORBIS|FLAC|DTS|MPEG\/L3|PCM\/INT\/LIT|PCM\/INT\/BIG|PCM\/FLOAT\/IEEE)$/;
// ffmpeg guesses a length that is not declared from the bit rate, which it knows of other codecs.
const UNGUESSED = /^A_(OPUS|VORBIS)$/;

/**
 * Return the sound of a file. Throws Whole.
 * @param {Reader} reader
 * @param {boolean} cut whether only a part of it is wanted
 * @returns {Promise<Blob>}
 */
export async function copied(reader, cut) {
  return new Copy(reader).made(cut);
}

class Copy {
  /** @type {Bytes[]} */
  #head = [];
  /** @type {Map<number, number>} what the index of the segment says is at each place in it */
  #indexed = new Map();
  /** @type {Map<number, number>} what is there */
  #found = new Map();
  #scale = DEFAULT_SCALE;
  #duration = NaN;
  /** @type {Map<number, Track>} */
  #tracks = new Map();
  #sound = 0;
  #codec = "";
  #last = 0;
  #chapters = false;

  /** @param {Reader} reader */
  constructor(reader) {
    this.reader = reader;
    this.parts = new Parts(reader.size);
  }

  /** @param {boolean} cut */
  async made(cut) {
    const ebml = await this.#element(0, this.reader.size);
    if (ebml.id !== ID.EBML || ebml.open) throw new Whole("damaged");
    const start = (await this.reader.bytes(ebml.start, ebml.end)).slice();
    const segment = await this.#element(ebml.end, this.reader.size);
    if (segment.id !== ID.Segment) throw new Whole("container");
    if (segment.end !== this.reader.size) throw new Whole("container"); // another file may follow
    for (let at = segment.body; at < segment.end; ) at = await this.#topLevel(at, segment);
    // What the index says is elsewhere might be read twice.
    if ([...this.#indexed].some(([place, id]) => this.#found.get(place) !== id)) throw new Whole("damaged");
    const head = [...this.#head, ...this.#begun(cut)];
    const length = head.reduce((sum, part) => sum + part.length, 0) + this.parts.length;
    return this.parts.blob(start, header(ID.Segment, length), ...head);
  }

  /**
   * Return the list of tracks, and the first picture if it is needed. Throws Whole.
   * @param {boolean} cut
   */
  #begun(cut) {
    const used = [...this.#tracks.values()].filter(({ least }) => least < Infinity);
    const sound = this.#tracks.get(this.#sound);
    if (!sound || !used.includes(sound)) throw new Whole("no_sound");
    if (!used.some(({ pictures }) => pictures)) throw new Whole("only_sound");
    const seconds = this.#scale / 1e9;
    if (!Number.isNaN(this.#duration)) checkEnd(this.#last * seconds, this.#duration * seconds);
    else if (!UNGUESSED.test(this.#codec)) throw new Whole("damaged");
    const earliest = used.reduce((one, other) => (other.least < one.least ? other : one), sound);
    // Chapters count from the earliest, too.
    const late = isLate((sound.least - earliest.least) * seconds, cut || this.#chapters);
    if (late && (!earliest.pictures || earliest.first !== earliest.least)) throw new Whole("late");
    const kept = late ? [sound, earliest] : [sound];
    const entries = kept.map(({ entry }) => entry);
    const length = entries.reduce((sum, bytes) => sum + bytes.length, 0);
    return [header(ID.Tracks, length), ...entries, ...(late ? earliest.begin.flat() : [])];
  }

  /**
   * @param {number} at
   * @param {Element} segment
   */
  async #topLevel(at, segment) {
    const element = await this.#element(at, segment.end);
    const place = at - segment.body;
    this.#found.set(place, element.id);
    if (element.id === ID.Cluster) return this.#cluster(element);
    if (element.open) throw new Whole("damaged");
    if (element.id === ID.Void || element.id === ID.Checksum || element.id === ID.Cues) return element.end;
    if (!LEVEL_1.includes(element.id)) throw new Whole("container");
    const bytes = (await this.reader.bytes(element.start, element.end)).slice();
    const body = bytes.subarray(element.body - element.start);
    if (element.id === ID.SeekHead) this.#index(body);
    else if (element.id === ID.Tracks) this.#list(body);
    else if (COPIED.includes(element.id)) {
      // After the sound, only what the index names is found.
      if (!this.parts.length || this.#indexed.has(place)) this.#head.push(bytes);
      if (element.id === ID.Tags) checkNested(body, 2);
      if (element.id === ID.Info) this.#info(body);
      if (element.id === ID.Chapters) this.#chapters = true;
    }
    return element.end;
  }

  /** @param {Uint8Array} body */
  #index(body) {
    for (const seek of children(body)) {
      if (seek.id !== ID.Seek) continue;
      const id = unsigned(value(seek, ID.SeekID));
      this.#indexed.set(unsigned(value(seek, ID.SeekPosition)), id);
    }
  }

  /** @param {Uint8Array} body */
  #info(body) {
    for (const { id, body: value } of children(body)) {
      if (id === ID.TimestampScale) this.#scale = unsigned(value);
      if (id === ID.Duration) this.#duration = float(value);
    }
  }

  /** @param {Bytes} body */
  #list(body) {
    if (this.#tracks.size) throw new Whole("container");
    const entries = children(body).filter(({ id }) => id === ID.TrackEntry);
    for (const { body: within } of entries) {
      for (const { id, body: about } of children(within)) if (ABOUT.includes(id)) checkNested(about, 0);
    }
    for (const entry of entries) {
      const type = unsigned(value(entry, ID.TrackType));
      const number = unsigned(value(entry, ID.TrackNumber));
      const codec = String.fromCharCode(...value(entry, ID.CodecID)).replace(/\0+$/, "");
      if (!LETTERS[type] || !codec.startsWith(LETTERS[type])) throw new Whole("damaged");
      this.#tracks.set(number, { entry: entry.all, pictures: type === PICTURES, first: NaN, least: Infinity, begin: [] });
      if (type !== SOUND) continue;
      if (this.#codec) throw new Whole("tracks");
      this.#sound = number;
      this.#codec = codec;
    }
    if (!this.#codec) throw new Whole("no_sound");
    if (![...this.#tracks.values()].some(({ pictures }) => pictures)) throw new Whole("only_sound");
    if (!CODECS.test(this.#codec)) throw new Whole("codec");
  }

  /**
   * Copy the blocks of the sound in a cluster, and return where the next element begins.
   * @param {Element} cluster
   */
  async #cluster(cluster) {
    /** @type {Bytes | undefined} */
    let timestamp;
    let time = NaN;
    /** @type {Bytes[]} */
    const blocks = [];
    let at = cluster.body;
    while (at < cluster.end) {
      const element = await this.#element(at, cluster.end);
      if (cluster.open && (LEVEL_1.includes(element.id) || element.id === ID.EBML)) break;
      if (element.open) throw new Whole("damaged");
      at = element.end;
      if (element.id === ID.Timestamp) {
        timestamp = (await this.reader.bytes(element.start, element.end)).slice();
        time = unsigned(timestamp.subarray(element.body - element.start));
      } else if (element.id === ID.SimpleBlock || element.id === ID.BlockGroup) {
        if (!timestamp) throw new Whole("damaged");
        const track = await this.#noted(element, time);
        const isSound = track === this.#tracks.get(this.#sound);
        const begins = track.pictures && track.begin.length <= HELD_BACK;
        if (!isSound && !begins) continue;
        const bytes = (await this.reader.bytes(element.start, element.end)).slice();
        if (begins) track.begin.push(clusterOf(timestamp, [bytes]));
        if (isSound) blocks.push(bytes);
      } else if (!IGNORED.includes(element.id)) {
        throw new Whole("container");
      }
    }
    if (timestamp && blocks.length) for (const bytes of clusterOf(timestamp, blocks)) this.parts.add(bytes);
    return at;
  }

  /** @param {Element} group */
  async #blockOf(group) {
    for (let at = group.body; at < group.end; ) {
      const element = await this.#element(at, group.end);
      if (element.open) break;
      if (element.id === ID.Block) return element;
      at = element.end;
    }
    throw new Whole("damaged");
  }

  /**
   * Note the time of a block or group, and return its track.
   * @param {Element} element
   * @param {number} time of its cluster
   */
  async #noted(element, time) {
    const block = element.id === ID.BlockGroup ? await this.#blockOf(element) : element;
    const bytes = await this.reader.upTo(block.body, HEADER_MOST_BYTES);
    const { value: number, length } = vint(bytes, 0);
    const track = this.#tracks.get(Number(number));
    if (!track || bytes.length < length + 2) throw new Whole("damaged");
    const at = time + new DataView(bytes.buffer, bytes.byteOffset + length, 2).getInt16(0);
    if (Number.isNaN(track.first)) track.first = at;
    track.least = Math.min(track.least, at);
    if (Number(number) === this.#sound) this.#last = Math.max(this.#last, at);
    return track;
  }

  /**
   * @param {number} start
   * @param {number} most where it ends if its length is not known, and must have ended
   * @returns {Promise<Element>}
   */
  async #element(start, most) {
    const bytes = await this.reader.upTo(start, HEADER_MOST_BYTES);
    const { id, body, size } = begun(bytes, 0);
    const open = size === null;
    const end = open ? most : start + body + size;
    if (end > most) throw new Whole("damaged");
    return { id, start, body: start + body, end, open };
  }
}

/**
 * Return the parts of a cluster.
 * @param {Bytes} timestamp
 * @param {Bytes[]} blocks
 */
function clusterOf(timestamp, blocks) {
  const content = [timestamp, ...blocks];
  return [header(ID.Cluster, content.reduce((sum, bytes) => sum + bytes.length, 0)), ...content];
}

/**
 * Return the id of the element at a place, how long its header is, and its size, null if that is not known.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function begun(bytes, at) {
  const idLength = Math.clz32(bytes[at] ?? 0) - 23;
  if (idLength < 1 || idLength > 4 || at + idLength > bytes.length) throw new Whole("damaged");
  const id = unsigned(bytes.subarray(at, at + idLength));
  const { value, length, open } = vint(bytes, at + idLength);
  return { id, body: idLength + length, size: open ? null : Number(value) };
}

/**
 * Return a number of variable length (RFC 8794 section 4).
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function vint(bytes, at) {
  const length = Math.clz32(bytes[at] ?? 0) - 23;
  if (length < 1 || length > 8 || at + length > bytes.length) throw new Whole("damaged");
  let value = BigInt(bytes[at] ?? 0) & ((1n << BigInt(8 - length)) - 1n);
  for (let place = 1; place < length; place++) value = (value << 8n) | BigInt(bytes[at + place] ?? 0);
  return { value, length, open: value === (1n << BigInt(7 * length)) - 1n };
}

/**
 * Return the elements in the content of one.
 * @template {ArrayBufferLike} B
 * @param {Uint8Array<B>} body
 */
function children(body) {
  const found = [];
  for (let at = 0; at < body.length; ) {
    const { id, body: head, size } = begun(body, at);
    if (size === null || at + head + size > body.length) throw new Whole("damaged");
    const all = body.subarray(at, at + head + size);
    found.push({ id, all, body: all.subarray(head) });
    at += head + size;
  }
  return found;
}

/**
 * Throw Whole if the elements in one do not fill it, down to so many levels below: what is read instead is anybody's
 * guess.
 * @param {Uint8Array} body
 * @param {number} levels
 */
function checkNested(body, levels) {
  for (const { id, body: within } of children(body)) {
    if (levels && id !== ID.Checksum && id !== ID.Void) checkNested(within, levels - 1);
  }
}

/**
 * Return the content of an element in another.
 * @param {{body: Uint8Array}} parent
 * @param {number} wanted
 */
function value(parent, wanted) {
  const found = children(parent.body).find(({ id }) => id === wanted);
  if (!found) throw new Whole("damaged");
  return found.body;
}

/** @param {Uint8Array} bytes */
function unsigned(bytes) {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** @param {Uint8Array} bytes */
function float(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length === 4 ? view.getFloat32(0) : view.getFloat64(0);
}

/**
 * Return the header of an element.
 * @param {number} id
 * @param {number} size
 */
function header(id, size) {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, id);
  view.setBigUint64(4, (1n << 56n) | BigInt(size));
  return bytes;
}
