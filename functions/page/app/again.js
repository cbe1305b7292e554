/** Converting once more, with other options; the part is chosen on the waveform, or typed. */

/** @import {Job} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { Problem } from "./api.js";
import { make, say, set } from "./dom.js";
import { again } from "./orders.js";
import { controls } from "./options.js";
import { sentence } from "./problems.js";
import { seconds } from "./rules.js";
import { clock, loadRest, t } from "./texts.js";
import { peaks, Wave } from "./wave.js";

const STEP_SECONDS = 0.1;

/**
 * @param {Entry} entry
 * @param {List} list
 */
export function panel(entry, list) {
  const job = /** @type {Job} */ (entry.job);
  const made = make("form", { class: "again", submit: (event) => void send(event) });
  const says = make("p", { class: "said bad", role: "alert" });
  /** @type {Awaited<ReturnType<typeof controls>>} */
  let options;
  void fill();
  return made;

  async function fill() {
    await loadRest();
    options = await controls(job.options, (chosen) => handles?.show(seconds(chosen["start"]), seconds(chosen["end"])));
    // The waveform is that of the MP3; with a part or another speed, its clock is not the video's.
    const same = ["start", "end", "speed"].every((name) => job.options[name] === undefined);
    const handles = job.mp3 && same ? part(job.id, job.mp3.duration, (name, text) => options.fill(name, text)) : undefined;
    made.append(
      ...(handles ? [handles.element] : []),
      options,
      says,
      make("p", { class: "line" }, make("button", {}, t("again.button")), ...(job.mp3 ? [make("small", {}, t("again.note"))] : [])),
    );
    made.querySelector("input")?.focus();
  }

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    const chosen = options.value();
    if (!chosen) return /** @type {HTMLElement | null} */ (made.querySelector("[aria-invalid]"))?.focus();
    try {
      // Nothing at all would mean the options that it had.
      const fresh = await again(job.id, Object.keys(chosen).length ? chosen : { quality: "" });
      entry.row.more.dataset["panel"] = "";
      entry.row.more.replaceChildren();
      entry.row.element.focus({ preventScroll: true });
      list.take(fresh);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(says, await sentence(error));
    }
  }
}

/**
 * Two handles over the waveform, which are sliders, so keys move them too.
 *
 * @param {string} id
 * @param {number} duration
 * @param {(name: "start" | "end", text: string) => void} chosen
 */
function part(id, duration, chosen) {
  const wave = new Wave();
  const handle = (/** @type {"start" | "end"} */ name) => {
    const input = make("input", { type: "range", min: 0, max: duration, step: STEP_SECONDS, class: `handle ${name}`, "aria-label": t(`option.${name}`), input: move });
    return input;
  };
  const begin = handle("start");
  const end = handle("end");
  begin.value = "0";
  end.value = String(duration);
  void peaks(id).then((found) => wave.fill(found));
  paint();
  return { element: make("div", { class: "wave part" }, wave.element, begin, end), show };

  /** @param {Event} event */
  function move(event) {
    const moved = event.target === begin ? "start" : "end";
    if (moved === "start") begin.value = String(Math.min(Number(begin.value), Number(end.value) - 2 * STEP_SECONDS));
    else end.value = String(Math.max(Number(end.value), Number(begin.value) + 2 * STEP_SECONDS));
    const at = Number(moved === "start" ? begin.value : end.value);
    const isEdge = moved === "start" ? at <= 0 : at > duration - STEP_SECONDS + 1e-6;
    paint();
    chosen(moved, isEdge ? "" : at.toFixed(1));
  }

  /**
   * @param {number | undefined} from
   * @param {number | undefined} to
   */
  function show(from, to) {
    begin.value = String(from ?? 0);
    end.value = String(to ?? duration);
    paint();
  }

  function paint() {
    wave.mark(Number(begin.value) / duration, Number(end.value) / duration);
    set(begin, "aria-valuetext", clock(Number(begin.value)));
    set(end, "aria-valuetext", clock(Number(end.value)));
  }
}
