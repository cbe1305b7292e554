/**
 * MP4 and QuickTime: the same file with one track, whose samples move while everything else stays as it is.
 *
 * Each box may matter to a decoder (edits, the layout of surround sound, what a player skips), so none is written anew. If
 * the pictures begin before the sound, the first of them stays, because it tells when.
 */

import { Box, begun, header } from "./boxes.js";
import { alone } from "./picture.js";
import { Track, chunksOf } from "./track.js";
import { Parts } from "../parts.js";
import { checkEnd, isLate } from "../times.js";
import { Whole } from "../whole.js";

/** @typedef {import("../reader.js").Reader} Reader */
/** @typedef {import("./track.js").Range} Range */
/** @typedef {{ftyp: Uint8Array<ArrayBuffer>, moov: Box, data: Range[], fragmented: boolean}} File */

const HEADER_MOST_BYTES = 16;
const TOP_LEVEL_MOST = 1_000_000;
const TAGS_OUTSIDE = ["meta", "udta", "ilst"];
const PCM = ["sowt", "twos", "raw ", "in24", "in32", "fl32", "fl64", "lpcm", "ipcm", "fpcm", "ulaw", "alaw"];
const CODECS = ["mp4a", ".mp3", "ac-3", "ec-3", "Opus", "fLaC", ...PCM];
const ENCRYPTED = /^(enc|drm)/;

/**
 * Return the sound of a file. Throws Whole.
 * @param {Reader} reader
 * @param {boolean} cut whether only a part of it is wanted
 * @returns {Promise<Blob>}
 */
export async function copied(reader, cut) {
  const file = await parsed(reader);
  const { sound, others } = tracks(file.moov);
  checkChapters(file.moov);
  checkKinds(file.moov, sound, others);
  if (file.fragmented) {
    checkFragmented(sound);
    const fragments = await import("./fragments.js");
    return fragments.copied(reader, cut);
  }
  checkEnd(sound.end, Math.max(...others.map(({ end }) => end)));
  const chunks = chunksOf(sound, others, file.data);
  const picture = firstPicture(sound, others, cut);
  if (picture) {
    const start = picture.places.get(0);
    chunks.unshift({ start, end: start + picture.firstLength });
  }
  const head = laidOut(file, sound, picture, chunks);
  const parts = new Parts(reader.size);
  for (const { start, end } of chunks) parts.add(await reader.bytes(start, end));
  return parts.blob(...head);
}

/**
 * Return all that comes before the samples, which are moved to behind it.
 * @param {File} file
 * @param {Track} sound
 * @param {Track | null} picture
 * @param {Range[]} chunks with the picture first
 */
function laidOut({ ftyp, moov }, sound, picture, chunks) {
  const length = chunks.reduce((sum, { start, end }) => sum + end - start, 0);
  const mdat = header("mdat", length);
  const kept = moov.children.filter(({ type }) => type !== "trak").map(({ bytes }) => bytes);
  const head = (/** @type {number} */ place) => {
    const boxes = [...kept, sound.trak.bytes, ...(picture ? [alone(picture.trak, place)] : [])];
    return [ftyp, header("moov", total(boxes)), ...boxes, mdat];
  };
  const begin = total(head(0));
  let place = begin;
  for (const [number, { start, end }] of chunks.entries()) {
    if (!picture) sound.places.set(number, place);
    else if (number) sound.places.set(number - 1, place);
    place += end - start;
  }
  return head(begin);
}

/**
 * Return the boxes of a file. Throws Whole.
 * @param {Reader} reader
 * @returns {Promise<File>}
 */
async function parsed(reader) {
  let ftyp = new Uint8Array(0);
  /** @type {Box | undefined} */
  let moov;
  /** @type {Range[]} */
  const data = [];
  let at = 0;
  for (let count = 0; at < reader.size; count++) {
    if (count === TOP_LEVEL_MOST) throw new Whole("container");
    const box = begun(await reader.upTo(at, HEADER_MOST_BYTES), reader.size - at);
    if (!box || box.length < box.header || at + box.length > reader.size) throw new Whole("damaged");
    const end = at + box.length;
    if (TAGS_OUTSIDE.includes(box.type)) throw new Whole("container");
    if (box.type === "ftyp") ftyp = (await reader.bytes(at, end)).slice();
    if (box.type === "moof" && !moov?.at("mvex")) throw new Whole("damaged");
    if (box.type === "mdat") data.push({ start: at + box.header, end });
    if (box.type === "moov") {
      if (moov) throw new Whole("container");
      moov = new Box("moov", (await reader.bytes(at, end)).slice(), box.header);
    }
    at = end;
  }
  if (!moov) throw new Whole("damaged");
  return { ftyp, moov, data, fragmented: Boolean(moov.at("mvex")) };
}

/**
 * Return the only sound track of a file, and its other tracks. Throws Whole.
 * @param {Box} moov
 */
function tracks(moov) {
  const { view } = moov.need("mvhd");
  const scale = view.getUint32(view.getUint8(0) === 1 ? 20 : 12);
  const all = moov.children.filter(({ type }) => type === "trak").map((trak) => new Track(trak, scale));
  const [sound, ...more] = all.filter(({ kind }) => kind === "soun");
  if (!sound) throw new Whole("no_sound");
  if (more.length) throw new Whole("tracks");
  if (!all.some(({ kind }) => kind === "vide")) throw new Whole("only_sound");
  return { sound, others: all.filter((track) => track !== sound) };
}

/**
 * Throw Whole if a file has chapters: where they end depends on the pictures.
 * @param {Box} moov
 */
function checkChapters(moov) {
  const listed = moov.children.some(({ type, content }) => type === "udta" && latin1(content).includes("chpl"));
  const linked = moov.children.some((box) => box.type === "trak" && box.at("tref", "chap"));
  if (listed || linked) throw new Whole("chapters");
}

/**
 * Throw Whole if the sound needs more than its own samples, or a kind that is not known to come out the same.
 * @param {Box} moov
 * @param {Track} sound
 * @param {Track[]} others
 */
function checkKinds(moov, sound, others) {
  const [codec, ...more] = sound.codecs;
  if (!codec || more.length || !CODECS.includes(codec)) throw new Whole("codec");
  // A file with encrypted pictures is refused; without them, it would not be.
  const encrypted = [sound, ...others].flatMap(({ codecs }) => codecs).some((each) => ENCRYPTED.test(each));
  if (encrypted || moov.at("pssh")) throw new Whole("codec");
  const references = sound.trak.need("mdia", "minf", "dinf", "dref");
  for (const reference of new Box("dref", references.content, 8).children) {
    if (!(reference.view.getUint32(0) & 1)) throw new Whole("container"); // in another file
  }
}

/**
 * Throw Whole if a fragmented sound has an edit, or samples before its fragments.
 * @param {Track} sound
 */
function checkFragmented({ trak, table }) {
  if (trak.at("edts", "elst")?.view.getUint32(4)) throw new Whole("container");
  if (table.need("stsz").view.getUint32(8)) throw new Whole("container");
}

/**
 * Return the track whose first picture must be kept, because it begins before the sound. Throws Whole.
 * @param {Track} sound
 * @param {Track[]} others
 * @param {boolean} cut
 */
function firstPicture(sound, others, cut) {
  const start = sound.edits.delay;
  const earliest = others.reduce((one, other) => (other.start < one.start ? other : one));
  if (!isLate(start - Math.min(start, earliest.start), cut)) return null;
  if (earliest.kind !== "vide" || !earliest.isUncut) throw new Whole("late");
  return earliest;
}

/** @param {Uint8Array} bytes */
function latin1(bytes) {
  return new TextDecoder("latin1").decode(bytes);
}

/** @param {Uint8Array[]} list */
function total(list) {
  return list.reduce((sum, bytes) => sum + bytes.length, 0);
}
