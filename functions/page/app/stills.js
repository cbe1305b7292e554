/** A frame of each video, where the browser can show one. */

/** @import {Row} from "./row.js" */

import { make } from "./dom.js";

const WIDTH = 160;
const LONGEST_MILLISECONDS = 8000;

/**
 * @param {File[]} files
 * @param {Row[]} rows
 */
export async function stills(files, rows) {
  for (const [at, file] of files.entries()) {
    const picture = file.size && (await still(file));
    if (picture) rows[at]?.still.replaceChildren(picture);
  }
}

/** @param {File} file @returns {Promise<HTMLCanvasElement | null>} */
async function still(file) {
  const address = URL.createObjectURL(file);
  const video = make("video", { src: address, preload: "metadata" });
  video.muted = true;
  try {
    await event(video, "loadedmetadata");
    if (!video.videoWidth) return null;
    video.currentTime = Math.min(video.duration / 10 || 0, 10);
    await event(video, "seeked");
    const canvas = make("canvas", { width: WIDTH, height: Math.round((WIDTH * video.videoHeight) / video.videoWidth), "aria-hidden": "true" });
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas;
  } catch {
    return null; // one that this browser cannot show keeps its note
  } finally {
    video.removeAttribute("src");
    video.load(); // or it goes on reading
    URL.revokeObjectURL(address);
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {string} name
 */
function event(video, name) {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
    setTimeout(reject, LONGEST_MILLISECONDS);
  });
}
