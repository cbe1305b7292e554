/** Folders that are dropped or chosen: the media files in them. */

const IS_MEDIA = /\.(mkv|avi|flv|wmv|asf|m?ts|m2ts|vob|mpe?g|og[vga]|webm|3gp|mov|mp4|m4[va]|opus|amr|caf|mp3|wav|flac|aac|wma)$/i;

/** @param {File} file */
export const isMedia = (file) => /^(video|audio)\//.test(file.type) || IS_MEDIA.test(file.name);

/**
 * Return the media files in a folder, and in those within.
 *
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
export async function inside(entry) {
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
