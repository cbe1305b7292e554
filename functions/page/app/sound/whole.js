/** Whole: why the sound of a file is not sent alone. */

/** Thrown where a copy of the sound might not make the same MP3. */
export class Whole extends Error {
  /** @param {import("./sound.js").Why} why */
  constructor(why) {
    super(why);
    this.why = why;
  }
}
