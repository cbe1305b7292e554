/** Picture: a track of pictures with the first one alone. */

import { made, words } from "./boxes.js";

/** @typedef {import("./boxes.js").Box} Box */

const CONTAINERS = ["trak", "mdia", "minf"];

/**
 * Return a track with its first sample alone, which moves to another place.
 * @param {Box} box the track, or a box in it
 * @param {number} place
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function alone(box, place) {
  if (CONTAINERS.includes(box.type)) return made(box.type, ...box.children.map((child) => alone(child, place)));
  if (box.type !== "stbl") return box.bytes;
  const sizes = box.need("stsz").view;
  const offsets = box.at("ctts")?.view;
  return made(
    "stbl",
    box.need("stsd").bytes,
    made("stts", words(0, 1, 1, box.need("stts").view.getUint32(12))),
    ...(offsets ? [made("ctts", words(offsets.getUint32(0), 1, 1, offsets.getUint32(12)))] : []),
    made("stsc", words(0, 1, 1, 1, box.need("stsc").view.getUint32(16))),
    made("stsz", words(0, 0, 1, sizes.getUint32(4) || sizes.getUint32(12))),
    made("stco", words(0, 1, place)),
  );
}
