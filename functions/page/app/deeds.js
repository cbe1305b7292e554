/** What a person can do to a job. */

/** @import {Deed, Job} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { isFresh, one, sound } from "./jobs.js";
import { dressed } from "./panels.js";
import { loadRest, t } from "./texts.js";

/** Deletions that can still be undone, by job. @type {Map<string, () => Promise<void>>} */
export const leaving = new Map();

/**
 * @param {Entry} entry
 * @param {List} list
 * @returns {Deed[]}
 */
export function deedsOfJob(entry, list) {
  const job = /** @type {Job} */ (entry.job);
  if (leaving.has(job.id)) return [];
  const works = !["done", "failed"].includes(job.state);
  const drop = { id: "delete", label: t(works ? "do.cancel" : "do.delete"), run: () => void Promise.all([import("./after.js"), loadRest()]).then(([{ leave }]) => leave(entry, list)) };
  if (works) return [drop];
  const video = Boolean(job.video_expires && Date.parse(job.video_expires) > Date.now());
  const again = panel(entry, list, "again", () => import("./again.js"));
  if (job.state === "failed") return [...(video && job.error?.code !== "no_audio" ? [again] : []), drop];
  if (!job.links.audio) return [...(video ? [again] : []), drop];
  return [
    { id: "download", label: t("do.download"), primary: true, href: sound(job), run: (event) => void renew(event, entry, list) },
    panel(entry, list, "play", () => import("./player.js")),
    panel(entry, list, "link", () => import("./sharing.js")),
    ...(video ? [again] : []),
    drop,
  ];
}

/** @typedef {{panel: (entry: Entry, list: List) => HTMLElement}} Opens */

/**
 * Open or close a panel in a row; one at a time.
 *
 * @param {Entry} entry
 * @param {List} list
 * @param {string} id
 * @param {() => Promise<Opens>} load
 * @returns {Deed}
 */
function panel(entry, list, id, load) {
  const { more } = entry.row;
  const open = more.dataset["panel"] === id;
  const run = async () => {
    more.dataset["panel"] = open ? "" : id;
    more.replaceChildren();
    list.show(entry);
    if (open) return;
    const [loaded] = await Promise.all([load(), dressed()]).catch((error) => {
      more.dataset["panel"] = "";
      list.show(entry);
      throw error;
    });
    const made = loaded.panel(entry, list);
    if (more.dataset["panel"] === id) more.replaceChildren(made);
  };
  return { id, label: t(`do.${id}`), open, run: () => void run() };
}

/**
 * A link that was made an hour ago is replaced before it is followed.
 *
 * @param {Event} event
 * @param {Entry} entry
 * @param {List} list
 */
async function renew(event, entry, list) {
  const job = /** @type {Job} */ (entry.job);
  if (isFresh(job)) return;
  event.preventDefault();
  list.take(await one(job.id));
  entry.row.press("download");
}
