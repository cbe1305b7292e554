/** A link for others, with its end, and a way to take all of them back; and the mail once more. */

/** @import {Job} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { Problem } from "./api.js";
import { offer } from "./copying.js";
import { make, say, set } from "./dom.js";
import * as orders from "./orders.js";
import { sentence } from "./problems.js";
import { day, loadRest, t } from "./texts.js";

const DAYS = [1, 7, 30];
const USUAL = 7;

/**
 * @param {Entry} entry
 * @param {List} list
 */
export function panel(entry, { linkDays }) {
  const { id } = /** @type {Job} */ (entry.job);
  const made = make("div", { class: "sharing" });
  void loadRest().then(fill);
  return made;

  function fill() {
    const says = make("p", { class: "said", role: "status" });
    const offered = [...new Set(DAYS.map((n) => Math.min(n, linkDays)))];
    const days = make("select", { id: `days-${id}` }, ...offered.map((n) => make("option", { value: n, selected: n === Math.min(USUAL, linkDays) }, t("link.days.some", { n }))));
    const shown = make("p", { class: "copying", hidden: true });
    made.append(
      make(
        "p",
        { class: "line" },
        make("label", { for: days.id }, t("link.days")),
        days,
        deed("link.make", async () => {
          const link = await orders.link(id, Number(days.value));
          const until = day(link.expires);
          shown.hidden = false;
          offer(shown, t("link.url"), link.url, () => say(says, t("link.copied", { day: until })));
          return t("link.made", { day: until });
        }),
      ),
      shown,
      says,
      make(
        "p",
        { class: "line" },
        deed("mail.again", async () => {
          await orders.mail(id);
          return t("mail.coming");
        }),
        deed("link.end", async () => {
          await orders.endLinks(id);
          shown.hidden = true;
          return t("link.ended");
        }),
      ),
    );
    days.focus();

    /**
     * @param {string} label
     * @param {() => Promise<string>} work
     */
    function deed(label, work) {
      const run = async () => {
        try {
          say(says, await work());
          set(says, "class", "said");
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          set(says, "class", "said bad");
          say(says, await sentence(error));
        }
      };
      return make("button", { type: "button", class: label === "link.make" ? "" : "quiet", click: () => void run() }, t(label));
    }
  }
}
