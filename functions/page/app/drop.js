/** The place for files: chosen, dropped anywhere on the page, pasted, or a whole folder of them. */

import { make, set } from "./dom.js";
import { bytes, t } from "./texts.js";
import { waves } from "./waves.js";

const ENDINGS = ".mkv,.avi,.flv,.wmv,.asf,.ts,.mts,.m2ts,.vob,.mpg,.mpeg,.ogv,.webm,.3gp,.mov,.mp4,.m4v,.opus,.amr,.caf";

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
      change: async () => {
        const files = [...(input.files ?? [])];
        input.value = ""; // so that the same file can be chosen again
        give(directory ? files.filter((await import("./after.js")).isMedia) : files);
      },
    });
    return make("label", { class: style }, input, label);
  }

  function folder() {
    const phone = !("webkitdirectory" in HTMLInputElement.prototype) || !matchMedia("(any-pointer: fine)").matches;
    return phone ? [] : [choice("quiet", t("drop.folder"), true)];
  }

  /** @param {FileSystemEntry} folder */
  async function within(folder) {
    return (await import("./after.js")).inside(folder);
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
      give((await Promise.all(files.map((file, at) => (entries[at]?.isDirectory ? within(entries[at]) : [file])))).flat());
    });
    addEventListener("paste", (event) => give([...(event.clipboardData?.files ?? [])]));
  }
}

/** @param {DragEvent} event */
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
