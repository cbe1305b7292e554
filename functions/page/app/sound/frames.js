/** Whether the sound of a transport stream is whole. */

import { BlobSource, EncodedPacketSink, Input, MPEG_TS } from "mediabunny";

import "./quiet.js";
import { Steady } from "./times.js";
import { Whole } from "./whole.js";

/**
 * Throw Whole if a frame of the sound is missing: how the hole is filled depends on all that the file has.
 * @param {Blob} blob
 */
export async function checkFrames(blob) {
  const input = new Input({ source: new BlobSource(blob), formats: [MPEG_TS] });
  try {
    const track = await input.getPrimaryAudioTrack();
    if (!track) throw new Whole("no_sound");
    const steady = new Steady();
    for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true })) {
      steady.take(packet);
    }
  } finally {
    input.dispose();
  }
}
