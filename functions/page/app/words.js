/** What is said of a job. */

/** @import {Job, View} from "./types.js" */

import { mails } from "./session.js";
import { ago, bytes, clock, day, has, percent, t } from "./texts.js";

/** @param {Job} job @returns {Omit<View, "deeds">} */
export function ofJob(job) {
  const said = { name: job.filename };
  const close = t(mails ? "job.close" : "job.close.no-mail");
  if (job.state === "failed") return { ...said, words: job.error?.title ?? "", tone: "bad" };
  if (job.state === "converting") {
    const share = job.progress / 100;
    return { ...said, words: t("job.converting", { share: percent(share) }), bar: share, aside: close };
  }
  if (job.state !== "done" || !job.mp3) return { ...said, words: t(`job.${job.state}`), bar: null, aside: job.state === "queued" ? close : "" };
  const { duration, size, expires } = job.mp3;
  const facts = `${clock(duration)} · ${bytes(size)}`;
  const when = { ago: ago(job.updated), day: expires ? day(expires) : "" };
  const notes = job.mp3.notes.map((note) => `note.${note}`).filter(has).map((note) => t(note));
  return { ...said, facts, words: [t(job.links.audio ? "job.done" : "job.expired", when), ...notes].join(" · "), tone: "good" };
}
