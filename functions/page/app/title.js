/** The tab's title, which tells how far everything is. */

/** @import {Entry} from "./list.js" */

import { percent, t } from "./texts.js";

/** @param {Iterable<Entry>} entries */
export function title(entries) {
  const shares = [...entries].map(share).filter((each) => each !== undefined);
  const mean = shares.reduce((sum, each) => sum + each, 0) / shares.length;
  document.title = shares.length ? `${percent(mean)} · ${t("brand")}` : t("brand");
}

/** Sending is the first half. @param {Entry} entry @returns {number | undefined} */
function share({ job, upload }) {
  if (job) return ["done", "failed"].includes(job.state) ? undefined : 0.5 + job.progress / 200;
  if (!upload || upload.phase === "refused") return undefined;
  return upload.body ? upload.sent / upload.body.size / 2 : 0;
}
