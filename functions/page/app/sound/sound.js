/** Send only the sound: what is sent of a file, decided in a worker, so that the page stays quick. */

import { start } from "./start.js";

// A worker that the browser ended because memory ran out sends no message.
const SILENT_MILLISECONDS = 60_000;

/**
 * Why all of a file is sent:
 *
 * - `only_sound`: it has no pictures
 * - `no_sound`: no sound was found in it, which proves nothing
 * - `mostly_sound`: little would be saved
 * - `container`, `codec`: its sound cannot be copied
 * - `tracks`: it has several sound tracks, or `track` asks for another than the first
 * - `cover`: the cover is a frame of the video
 * - `late`: its sound begins after its pictures
 * - `short`: its sound ends long before its pictures, so whether it is cut off needs all of it
 * - `chapters`: its chapters cannot be copied
 * - `tags`: its tags cannot be copied
 * - `damaged`: it breaks off, or its parts contradict each other
 * - `stalled`: reading it stood still
 * - `failed`: an unexpected error, or a browser without workers
 * @typedef {"only_sound" | "no_sound" | "mostly_sound" | "container" | "codec" | "tracks" | "cover" | "late" | "short"
 *   | "chapters" | "tags" | "damaged" | "stalled" | "failed"} Why
 */

/**
 * What is sent: the file itself, or a `body` with its sound, which becomes the same MP3. `name` is the file's name, under
 * which either is sent, and `bytes` is how many are sent.
 * @typedef {{whole: true, why: Why, body: File, name: string, bytes: number}
 *   | {whole: false, body: Blob, name: string, bytes: number}} Sent
 */

/**
 * @typedef {object} Asked
 * @property {Record<string, string>} [options] the options of the conversion, as they are sent
 * @property {(share: number) => void} [onprogress] is told how much of the file was read, from 0 to 1
 * @property {AbortSignal} [signal] ends it
 */

/**
 * Return what to send of a file: its sound if that makes the same MP3, and the whole file if anything else is in doubt.
 *
 * Rejects only when the signal ends it, with the signal's reason.
 * @param {File} file
 * @param {Asked} [asked]
 * @returns {Promise<Sent>}
 */
export async function soundOf(file, { options = {}, onprogress, signal } = {}) {
  signal?.throwIfAborted();
  const found = await asked(file, options, onprogress, signal);
  if (found instanceof Blob) return { whole: false, body: found, name: file.name, bytes: found.size };
  return { whole: true, why: found, body: file, name: file.name, bytes: file.size };
}

/**
 * @param {File} file
 * @param {Record<string, string>} options
 * @param {((share: number) => void) | undefined} onprogress
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Blob | Why>}
 */
async function asked(file, options, onprogress, signal) {
  /** @type {Worker} */
  let worker;
  try {
    worker = start();
  } catch {
    return "failed";
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  try {
    return await new Promise((resolve, reject) => {
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(() => resolve("stalled"), SILENT_MILLISECONDS);
      };
      heard();
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      // Its script could not be loaded, or what it sent could not be read.
      worker.onerror = worker.onmessageerror = () => resolve("failed");
      worker.onmessage = ({ data }) => {
        heard();
        if ("share" in data) onprogress?.(data.share);
        else resolve(data.body ?? data.why);
      };
      worker.postMessage({ file, options });
    });
  } finally {
    clearTimeout(silence);
    worker.terminate();
  }
}
