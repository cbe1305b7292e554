/** Times: what of its video's clock a sound without pictures still tells. */

import { Whole } from "./whole.js";

// An MP3 begins with the earliest of the pictures and the sound, and keeps silence from 40 ms on. Without the pictures,
// sound that begins after them would begin at once.
const LATE_SECONDS = 0.035;
// An MP3 is said to be cut off if it is shorter than this share of its video, by more than this.
const SHORTER_SHARE = 0.9;
const SHORTER_SECONDS = 1;
const ROUNDING_SECONDS = 0.5;
const UNEVEN_SECONDS = 0.01;

/**
 * Tell whether sound begins so long after the earliest of its video that the MP3 shows it.
 * @param {number} seconds
 * @param {boolean} exact whether times are given that count from there: chapters, or what is cut
 */
export function isLate(seconds, exact) {
  return !(seconds < LATE_SECONDS) || (exact && seconds > 0);
}

/**
 * Throw Whole if sound ends so long before its video that only the pictures tell whether the file is cut off.
 * @param {number} seconds
 * @param {number} video
 */
export function checkEnd(seconds, video) {
  const enough = Math.min(video, Math.min(video * SHORTER_SHARE, video - SHORTER_SECONDS) + ROUNDING_SECONDS);
  if (!(seconds >= enough)) throw new Whole("short");
}

/** Packets that follow each other without a hole. */
export class Steady {
  /** When the last one ends, NaN before the first. */
  end = NaN;

  /**
   * Take the next packet. Throws Whole if it does not follow the one before: it was not read rightly, or there is a hole.
   * @param {{timestamp: number, duration: number}} packet
   */
  take({ timestamp, duration }) {
    if (Math.abs(timestamp - this.end) > UNEVEN_SECONDS) throw new Whole("damaged");
    this.end = timestamp + duration;
  }
}
