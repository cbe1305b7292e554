/** The place for files: chosen, dropped anywhere on the page, pasted, or a whole folder of them. */

import { make, set } from "./dom.js";
import { bytes, t } from "./texts.js";
import { waves } from "./waves.js";

const ENDINGS = ".mkv,.avi,.flv,.wmv,.asf,.ts,.mts,.m2ts,.vob,.mpg,.mpeg,.ogv,.webm,.3gp,.mov,.mp4,.m4v,.opus,.amr,.caf";
const IS_MEDIA = /\.(mkv|avi|flv|wmv|asf|m?ts|m2ts|vob|mpe?g|og[vga]|webm|3gp|mov|mp4|m4[va]|opus|amr|caf|mp3|wav|flac|aac|wma)$/i;

/**
 * @param {number} most bytes of a file
 * @param {(files: File[]) => void} take
 */
export function dropZone(most, take) {
  const zone = make(
    "section",
    { class: "drop", "aria-labelledby": "drop" },
    waves(),
    make("h1", { id: "drop" }, t("drop.title")),
    make("p", {}, t("drop.paste")),
    make("p", { class: "choices" }, choice("button", t("drop.choose"), false), ...folder()),
    make("p", { class: "small" }, t("drop.limits", { size: bytes(most) })),
  );
  listen();
  return zone;

  /**
   * @param {string} style
   * @param {string} label
   * @param {boolean} directory
   */
  function choice(style, label, directory) {
    const input = make("input", {
      type: "file",
      multiple: true,
      class: "unseen",
      accept: directory ? undefined : `video/*,audio/*,${ENDINGS}`,
      webkitdirectory: directory,
      change: () => {
        const files = [...(input.files ?? [])];
        give(directory ? files.filter(isMedia) : files);
        input.value = ""; // so that the same file can be chosen again
      },
    });
    return make("label", { class: style }, input, label);
  }

  function folder() {
    const phone = !("webkitdirectory" in HTMLInputElement.prototype) || !matchMedia("(any-pointer: fine)").matches;
    return phone ? [] : [choice("quiet", t("drop.folder"), true)];
  }

  /** @param {File[]} files */
  function give(files) {
    if (files.length) take(files);
  }

  function listen() {
    let depth = 0;
    const mark = (/** @type {number} */ change) => {
      depth = change ? depth + change : 0;
      set(document.body, "data-over", depth > 0);
    };
    addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
    addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
    addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    addEventListener("drop", async (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(0);
      const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
      const files = [...(event.dataTransfer?.files ?? [])];
      const found = await Promise.all(files.map((file, at) => (entries[at]?.isDirectory ? inside(entries[at]) : [file])));
      give(found.flat());
    });
    addEventListener("paste", (event) => give([...(event.clipboardData?.files ?? [])]));
  }
}

/** @param {DragEvent} event */
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** @param {File} file */
const isMedia = (file) => /^(video|audio)\//.test(file.type) || IS_MEDIA.test(file.name);

/**
 * Return the media files in a folder, and in those within.
 *
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function inside(entry) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    return isMedia(file) ? [file] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const each of some) found.push(...(await inside(each)));
  }
}
