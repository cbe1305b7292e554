/** Track: what a track of an MP4 file says of its samples: when they are heard or seen, and where they are. */

import { Box } from "./boxes.js";
import { Whole } from "../whole.js";

/** @typedef {{start: number, end: number}} Range */

const KIND = 8;
const ENTRIES = 4;

export class Track {
  /**
   * @param {Box} trak
   * @param {number} scale units in a second of the whole file
   */
  constructor(trak, scale) {
    this.trak = trak;
    this.scale = scale;
    this.kind = String.fromCharCode(...trak.need("mdia", "hdlr").content.subarray(KIND, KIND + 4));
  }

  /** Return the kinds of samples that it has. */
  get codecs() {
    const table = this.trak.at("mdia", "minf", "stbl", "stsd");
    return table ? new Box("stsd", table.content, 8).children.map(({ type }) => type) : [];
  }

  get table() {
    return this.trak.need("mdia", "minf", "stbl");
  }

  /** Return the seconds of nothing before it, and the time of its samples with which it begins, null if not given. */
  get edits() {
    const list = this.trak.at("edts", "elst")?.view;
    const large = list?.getUint8(0) === 1;
    let units = 0;
    for (let number = 0; list && number < list.getUint32(ENTRIES); number++) {
      const at = 8 + number * (large ? 20 : 12);
      const time = large ? Number(list.getBigInt64(at + 8)) : list.getInt32(at + 4);
      if (time !== -1) return { delay: units / this.scale, time };
      units += large ? Number(list.getBigUint64(at)) : list.getUint32(at);
    }
    return { delay: units / this.scale, time: null };
  }

  /** Return the units in a second of this track, and how many of them it lasts. */
  get #length() {
    const { view } = this.trak.need("mdia", "mdhd");
    return view.getUint8(0) === 1
      ? { scale: view.getUint32(20), units: Number(view.getBigUint64(24)) }
      : { scale: view.getUint32(12), units: view.getUint32(16) };
  }

  /** Return when it ends, in seconds. */
  get end() {
    const { scale, units } = this.#length;
    return this.edits.delay + units / scale;
  }

  /** Return how much later its first sample is seen than decoded. */
  get #reordered() {
    const offsets = this.table.at("ctts")?.view;
    return offsets?.getUint32(ENTRIES) ? offsets.getInt32(12) : 0;
  }

  /** Return when its first sample is seen, in seconds; what is before the beginning is not. */
  get start() {
    const { delay, time } = this.edits;
    return delay + Math.max(0, this.#reordered - (time ?? 0)) / this.#length.scale;
  }

  /** Return whether it begins with its first sample. */
  get isUncut() {
    return (this.edits.time ?? 0) === this.#reordered && this.places.count > 0;
  }

  /** Return the length of its first sample. */
  get firstLength() {
    const { view } = this.table.need("stsz");
    return view.getUint32(4) || view.getUint32(12);
  }

  /** Return the places of its chunks, which can be changed. */
  get places() {
    const small = this.table.at("stco")?.view;
    const view = small ?? this.table.need("co64").view;
    const count = view.getUint32(ENTRIES);
    if (8 + count * (small ? 4 : 8) > view.byteLength) throw new Whole("damaged");
    return {
      count,
      get: (/** @type {number} */ number) =>
        small ? view.getUint32(8 + 4 * number) : Number(view.getBigUint64(8 + 8 * number)),
      set(/** @type {number} */ number, /** @type {number} */ place) {
        if (!small) view.setBigUint64(8 + 8 * number, BigInt(place));
        else if (place < 2 ** 32) view.setUint32(8 + 4 * number, place);
        else throw new Whole("container");
      },
    };
  }
}

/**
 * Return where the chunks of a track are, in order. Throws Whole if its tables contradict each other, or the samples of
 * other tracks.
 * @param {Track} sound
 * @param {Track[]} others
 * @param {Range[]} data where the file has samples
 */
export function chunksOf(sound, others, data) {
  const { count, get } = sound.places;
  const { view: sizes } = sound.table.need("stsz");
  const lengths = lengthsOf(sound.table.need("stsc").view, sizes, count);
  checkCount(sound.table.need("stts").view, sizes.getUint32(8));
  const starts = Array.from({ length: count }, (_, number) => get(number));
  const following = followingOf(starts, others, data);
  // How long samples of one size are depends on the codec too; but their chunk ends where the next one begins.
  const alike = sizes.getUint32(4) > 0;
  let last = 0;
  const chunks = starts.map((start, number) => {
    const next = /** @type {number} */ (following[number]);
    const end = start + /** @type {number} */ (lengths[number]);
    const inside = data.some((range) => range.start <= start && end <= range.end);
    if (!inside || start < last || end > next || (alike && end < next && number + 1 < count)) throw new Whole("damaged");
    last = end;
    return { start, end };
  });
  if (!chunks.length) throw new Whole("no_sound");
  return chunks;
}

/**
 * Return the length of each chunk. Throws Whole unless they have all samples.
 * @param {DataView} groups
 * @param {DataView} sizes
 * @param {number} count
 */
function lengthsOf(groups, sizes, count) {
  const size = sizes.getUint32(4);
  const samples = sizes.getUint32(8);
  const lengths = [];
  let sample = 0;
  let group = 0;
  for (let number = 1; number <= count; number++) {
    while (group + 1 < groups.getUint32(ENTRIES) && groups.getUint32(8 + 12 * (group + 1)) <= number) group++;
    const last = sample + groups.getUint32(12 + 12 * group);
    if (last > samples) throw new Whole("damaged");
    let length = size * (last - sample);
    if (!size) for (; sample < last; sample++) length += sizes.getUint32(12 + 4 * sample);
    sample = last;
    lengths.push(length);
  }
  if (sample !== samples) throw new Whole("damaged");
  return lengths;
}

/**
 * Throw Whole unless so many samples have a time.
 * @param {DataView} times
 * @param {number} samples
 */
function checkCount(times, samples) {
  let count = 0;
  for (let number = 0; number < times.getUint32(ENTRIES); number++) count += times.getUint32(8 + 8 * number);
  if (count !== samples) throw new Whole("damaged");
}

/**
 * Return for each place where something else begins, or the data ends.
 * @param {number[]} starts
 * @param {Track[]} others
 * @param {Range[]} data
 */
function followingOf(starts, others, data) {
  const places = data.map(({ end }) => end).concat(starts);
  for (const { places: each } of others) {
    for (let number = 0; number < each.count; number++) places.push(each.get(number));
  }
  places.sort((one, other) => one - other);
  let next = 0;
  return starts.map((start) => {
    while (next < places.length && /** @type {number} */ (places[next]) <= start) next++;
    return places[next] ?? start;
  });
}
