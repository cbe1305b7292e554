/** Copied: the sound of a file in a container of its own, where that is known to become the same MP3. */

import * as matroska from "./matroska.js";
import * as mp4 from "./mp4/mp4.js";
import { Reader } from "./reader.js";
import * as ts from "./ts.js";
import { Whole } from "./whole.js";

const HEAD_BYTES = 400;
const BOXES = ["ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp"];

/**
 * Return the sound of a file. Throws Whole if it cannot be copied.
 * @param {Blob} file
 * @param {Record<string, string>} options
 * @param {(share: number) => void} told
 * @returns {Promise<Blob>}
 */
export async function copied(file, options, told) {
  checkOptions(options);
  const cut = Boolean(options.start || options.end);
  const reader = new Reader(file, told);
  const head = (await reader.upTo(0, HEAD_BYTES)).slice();
  if (head[0] === 0x1a && head[1] === 0x45) return matroska.copied(reader, cut);
  if (BOXES.includes(String.fromCharCode(...head.subarray(4, 8)))) return mp4.copied(reader, cut);
  if ([0, 1, 2].every((number) => head[number * ts.PACKET_BYTES] === ts.SYNC)) return ts.copied(reader);
  throw new Whole("container");
}

/** @param {Record<string, string>} options */
function checkOptions({ cover, track }) {
  if (cover && cover !== "none") throw new Whole("cover");
  if (track && track !== "1") throw new Whole("tracks");
}
