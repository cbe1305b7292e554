/** Fragmented MP4, as browsers record and streaming services store: packets copied into fragments of their own. */

import {
  AppendOnlyStreamTarget,
  CustomSource,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  Input,
  MP4,
  Mp4OutputFormat,
  Output,
  QTFF,
} from "mediabunny";

import { Parts } from "../parts.js";
import "../quiet.js";
import { Steady, checkEnd, isLate } from "../times.js";
import { Whole } from "../whole.js";

/** @typedef {import("mediabunny").InputAudioTrack} InputAudioTrack */
/** @typedef {import("mediabunny").MetadataTags} Tags */
/** @typedef {import("../reader.js").Reader} Reader */

const CODECS = ["aac", "mp3", "opus", "flac", "ac3", "eac3"];
const NUMBERS = ["trkn", "disk", "tmpo"];

/**
 * Return the sound of a file whose tracks and edits have been looked at. Throws Whole.
 * @param {Reader} reader
 * @param {boolean} cut whether only a part of it is wanted
 */
export async function copied(reader, cut) {
  const source = new CustomSource({ getSize: () => reader.size, read: (start, end) => reader.bytes(start, end) });
  const input = new Input({ source, formats: [MP4, QTFF] });
  try {
    const tracks = await input.getTracks();
    const sound = await input.getPrimaryAudioTrack();
    if (!sound) throw new Whole("no_sound");
    const firsts = await Promise.all(tracks.map((track) => track.getFirstTimestamp()));
    if (isLate((await sound.getFirstTimestamp()) - Math.min(...firsts), cut)) throw new Whole("late");
    const parts = new Parts(reader.size);
    const end = await copy(sound, tagsOf(await input.getMetadataTags()), parts);
    checkEnd(end, await input.computeDuration());
    return parts.blob();
  } finally {
    input.dispose();
  }
}

/**
 * Copy the packets of a track, and return when they end.
 * @param {InputAudioTrack} track
 * @param {Tags} tags
 * @param {Parts} parts
 */
async function copy(track, tags, parts) {
  const codec = await track.getCodec();
  const decoderConfig = await track.getDecoderConfig();
  if (!codec || !CODECS.includes(codec) || !decoderConfig) throw new Whole("codec");
  const writable = new WritableStream({ write: (bytes) => parts.add(bytes) });
  const output = new Output({
    format: new Mp4OutputFormat({ fastStart: "fragmented" }),
    target: new AppendOnlyStreamTarget(writable),
  });
  const packets = new EncodedAudioPacketSource(codec);
  output.addAudioTrack(packets);
  output.setMetadataTags(tags);
  await output.start();
  const steady = new Steady();
  for await (const packet of new EncodedPacketSink(track).packets()) {
    steady.take(packet);
    await packets.add(packet, { decoderConfig });
  }
  await output.finalize();
  return steady.end;
}

/**
 * Return the same tags to write. Throws Whole if some cannot be.
 * @param {Tags} tags
 */
function tagsOf(tags) {
  const raw = tags.raw ?? {};
  for (const [name, value] of Object.entries(raw)) {
    const written = typeof value === "string" || (NUMBERS.includes(name) && value instanceof Uint8Array);
    if (name.length !== 4 || !written) throw new Whole("tags");
  }
  return { raw };
}
