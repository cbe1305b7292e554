/** What a member sees: the place for files, how they should sound, and the list. */

/** @import {About} from "./types.js" */

import { make } from "./dom.js";
import { dropZone } from "./drop.js";
import { List } from "./list.js";
import { dressed } from "./panels.js";
import { options, presets } from "./presets.js";
import { during } from "./session.js";
import { loadRest, t } from "./texts.js";
import { title } from "./title.js";

export { dressed };

/** @param {About} about */
export function work(about) {
  const list = new List();
  const zone = dropZone(about.upload_max_bytes, async (files) => {
    const { send } = await import("./outgoing.js");
    send(files, options(), list);
  });
  list.changed = () => title(list.entries);
  const asking = () => dressed().then(() => import("./again-login.js"));
  during({ ask: () => void asking().then(({ open }) => open()), answered: () => void asking().then(({ close }) => close()) });
  void list.start().then(prepare).then(() => list.entries.forEach((entry) => list.show(entry)));
  const kept = t("foot.kept", { n: about.video_keep_days, mp3s: about.mp3_keep_days });
  return make("div", { class: "work" }, zone, presets(), list.element, make("p", { class: "small kept" }, kept));
}

/** Have at hand what sends, so that a connection that is lost meanwhile does not matter, and what rows may still say. */
const prepare = () => Promise.all([loadRest(), import("./outgoing.js"), import("./sound/sound.js")]);
