/** All finished MP3s as one ZIP. */

/** @import {Job} from "./types.js" */

import { call } from "./api.js";
import { make, say, set } from "./dom.js";
import { loadRest, t } from "./texts.js";

/**
 * @param {Job[]} jobs
 * @param {HTMLButtonElement} button
 */
export async function archive(jobs, button) {
  if (button.getAttribute("aria-disabled")) return;
  await loadRest();
  set(button, "aria-disabled", "true");
  say(button, t("zip.making"));
  try {
    const answer = await call(`../download/archive?ids=${jobs.map((job) => job.id).join(",")}`);
    const address = URL.createObjectURL(await answer.blob()); // browsers keep large ones on disk
    make("a", { href: address, download: `${t("zip.name")}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } finally {
    set(button, "aria-disabled", undefined);
    say(button, t("list.zip"));
  }
}
