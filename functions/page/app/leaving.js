/** Deleting a job, which can be undone for a few seconds. */

/** @import {Job} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { leaving } from "./deeds.js";
import { make } from "./dom.js";
import { remove } from "./orders.js";
import { t } from "./texts.js";

const UNDO_MILLISECONDS = 5000;

addEventListener("pagehide", () => leaving.forEach((now) => void now()));

/**
 * Delete a job, unless that is undone within a few seconds.
 *
 * @param {Entry} entry
 * @param {List} list
 */
export function leave(entry, list) {
  const job = /** @type {Job} */ (entry.job);
  const now = async () => {
    clearTimeout(timer);
    try {
      await remove(job.id, true);
      leaving.delete(job.id);
      list.remove(entry);
    } catch (error) {
      undo();
      throw error;
    }
  };
  const timer = setTimeout(() => void now(), UNDO_MILLISECONDS);
  const undo = () => {
    clearTimeout(timer);
    leaving.delete(job.id);
    entry.row.uncover();
    list.show(entry);
  };
  leaving.set(job.id, now);
  const button = make("button", { class: "quiet", type: "button", "aria-label": `${t("do.undo")}: ${job.filename}`, click: undo }, t("do.undo"));
  entry.row.cover(make("div", { class: "gone" }, make("p", {}, make("bdi", {}, job.filename), " ", t("row.leaving")), button));
  button.focus();
}
