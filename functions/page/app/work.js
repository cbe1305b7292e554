/** What a member sees: the place for files, how they should sound, and the list. */

/** @import {About} from "./types.js" */

import { make } from "./dom.js";
import { dropZone } from "./drop.js";
import { List } from "./list.js";
import { dressed } from "./panels.js";
import { options, presets } from "./presets.js";
import { during } from "./session.js";
import { days, loadRest, t } from "./texts.js";

const AGAIN_MILLISECONDS = 2000;

/**
 * @param {About} about
 * @param {() => void} close shows what stands below the list
 */
export function work(about, close) {
  const list = new List(about.link_ttl_days);
  const zone = dropZone(about.upload_max_bytes, async (files) => {
    const wanted = options();
    if (!wanted) return;
    const [{ send }] = await Promise.all([import("./after.js"), loadRest()]);
    send(files, wanted, list);
  });
  const asking = () => Promise.all([import("./again-login.js"), dressed(), loadRest()]).then(([dialog]) => dialog);
  during({ ask: () => void asking().then(({ open }) => open()), answered: () => void asking().then(({ close }) => close()) });
  const kept = t("foot.kept", { videos: days(about.video_keep_days), mp3s: days(about.mp3_keep_days) });
  const view = make("div", { class: "work" }, zone, presets(), list.element);
  void list.start().then(() => {
    view.append(make("p", { class: "small kept" }, kept));
    close();
    return goOn(list);
  });
  return view;
}

/**
 * Keep the list as it is at the service, and have at hand what a click needs, so that it is quick, and a connection that
 * is lost meanwhile does not matter.
 *
 * @param {List} list
 */
async function goOn(list) {
  const wanted = Promise.all([import("./after.js"), import("./sound/sound.js"), loadRest(), dressed()]);
  const [after] = await wanted.catch(() => [undefined]);
  if (!after) {
    list.mark(true); // the connection is lost
    setTimeout(() => void goOn(list), AGAIN_MILLISECONDS);
    return;
  }
  list.changed = () => after.title(list.entries);
  list.changed();
  list.entries.forEach((entry) => list.show(entry)); // there are more words for them now
  void after.follow(list);
}
