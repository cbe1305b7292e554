/** Listening to an MP3: its waveform with a slider over it, and its chapters. */

/** @import {Job} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { call } from "./api.js";
import { make, say, set } from "./dom.js";
import { icon } from "./icon.js";
import { one, sound } from "./jobs.js";
import { clock, loadRest, t } from "./texts.js";
import { peaks, Wave } from "./wave.js";

const PLAY = "M7 4l13 8-13 8z";
const PAUSE = "M8 5v14M16 5v14";
const STEP_SECONDS = 5;

/** Only one sounds at a time. @type {HTMLAudioElement | undefined} */
let sounding;

/**
 * @param {Entry} entry
 * @param {List} list
 */
export function panel(entry, list) {
  const job = /** @type {Job} */ (entry.job);
  const duration = job.mp3?.duration ?? 0;
  const audio = make("audio", { preload: "auto", src: `${sound(job)}&inline=1` });
  const wave = new Wave();
  const toggle = make("button", { type: "button", class: "round", click: () => void (audio.paused ? play() : audio.pause()) });
  const seek = make("input", { type: "range", min: 0, max: duration, step: "any", value: 0, input: () => (audio.currentTime = Number(seek.value)), keydown: step });
  const time = make("bdi", { class: "facts" });
  const says = make("p", { class: "said bad", role: "alert" });
  const extra = make("div", { class: "extra" });
  const panel = make("div", { class: "player" }, make("div", { class: "playing" }, toggle, make("div", { class: "wave" }, wave.element, seek), time), says, extra);
  for (const name of ["play", "pause", "timeupdate", "seeked", "ended"]) audio.addEventListener(name, show);
  audio.addEventListener("error", () => void renew());
  let renewed = false;
  void loadRest().then(() => {
    show();
    set(seek, "aria-label", t("play.where"));
    if (job.links.chapters) void chapters(job.id).then((found) => found.length && extra.append(listed(found)));
  });
  void peaks(job.id).then((found) => wave.fill(found));
  void play();
  queueMicrotask(() => toggle.focus()); // once it is in the page
  new MutationObserver((_, observer) => {
    if (panel.isConnected) return;
    audio.pause();
    observer.disconnect();
  }).observe(entry.row.more, { childList: true });
  return panel;

  async function play() {
    if (sounding !== audio) sounding?.pause();
    sounding = audio;
    // A browser may want one more press, and an error has its own answer.
    await audio.play().catch(() => {});
  }

  function show() {
    const at = audio.currentTime;
    toggle.replaceChildren(icon(audio.paused ? PLAY : PAUSE));
    set(toggle, "aria-label", `${t(audio.paused ? "play.play" : "play.pause")}: ${job.filename}`);
    if (document.activeElement !== seek || !audio.paused) seek.value = String(at);
    set(seek, "aria-valuetext", `${clock(at)} / ${clock(duration)}`);
    say(time, `${clock(at)} / ${clock(duration)}`);
    wave.mark(0, duration ? at / duration : 0);
  }

  /** The link of a page that was open for long has ended; a new one goes on where the old one was. */
  async function renew() {
    if (renewed) {
      await loadRest();
      return say(says, t("play.failed"));
    }
    renewed = true;
    const at = audio.currentTime;
    const fresh = await one(job.id);
    list.take(fresh);
    audio.src = `${sound(fresh)}&inline=1`;
    audio.currentTime = at;
    await play();
  }

  /** @param {KeyboardEvent} event */
  function step(event) {
    const steps = { ArrowLeft: -STEP_SECONDS, ArrowDown: -STEP_SECONDS, ArrowRight: STEP_SECONDS, ArrowUp: STEP_SECONDS };
    const change = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (event.key === " ") toggle.click();
    else if (change) audio.currentTime = Math.min(Math.max(audio.currentTime + change, 0), duration);
    else return;
    event.preventDefault();
  }

  /** @param {Chapter[]} found */
  function listed(found) {
    const rows = found.map(({ startTime, title }) => {
      const go = () => {
        audio.currentTime = startTime;
        void play();
      };
      return make("li", {}, make("button", { type: "button", class: "quiet", click: go }, make("bdi", { class: "facts" }, clock(startTime)), make("bdi", {}, title ?? "")));
    });
    return make("details", { open: found.length <= 12 }, make("summary", {}, t("play.chapters")), make("ol", { class: "chapters" }, ...rows));
  }
}

/** @typedef {{startTime: number, endTime: number, title?: string}} Chapter */

/** @param {string} id @returns {Promise<Chapter[]>} */
async function chapters(id) {
  return (await (await call(`../download/chapters?fid=${id}`)).json()).chapters;
}
