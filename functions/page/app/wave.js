/** The waveform of an MP3, drawn from what was measured when it was made; controls over it are real ones. */

import { call } from "./api.js";
import { make } from "./dom.js";

const BAR = 2;
const GAP = 1.5;

/**
 * Return the loudness of each piece of an MP3, from 0 to 1; none if it was stored without.
 *
 * @param {string} id
 * @returns {Promise<number[]>}
 */
export async function peaks(id) {
  const answer = await call(`../download/peaks?fid=${id}`).catch(() => null);
  if (!answer) return [];
  /** @type {{data: number[]}} */
  const { data } = await answer.json();
  const found = [];
  for (let at = 0; at + 1 < data.length; at += 2) found.push(Math.max(Math.abs(data[at] ?? 0), Math.abs(data[at + 1] ?? 0)) / 128);
  return found;
}

export class Wave {
  element = make("canvas", { "aria-hidden": "true" });
  #from = 0;
  #to = 0;
  /** @type {number[]} */
  #peaks = [];

  constructor() {
    new ResizeObserver(() => this.#draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** @param {number[]} found */
  fill(found) {
    this.#peaks = found;
    this.#draw();
  }

  /**
   * Let a part stand out, from and to shares of the whole.
   *
   * @param {number} from
   * @param {number} to
   */
  mark(from, to) {
    this.#from = from;
    this.#to = to;
    this.#draw();
  }

  #draw() {
    const { element } = this;
    const { clientWidth: width, clientHeight: height } = element;
    const pen = element.getContext("2d");
    if (!pen || !width) return;
    const ratio = devicePixelRatio || 1;
    element.width = width * ratio;
    element.height = height * ratio;
    pen.scale(ratio, ratio);
    pen.fillStyle = getComputedStyle(element).color;
    const count = Math.floor(width / (BAR + GAP));
    const loudest = Math.max(...this.#peaks, 0.05);
    for (let at = 0; at < count; at += 1) {
      const share = (at + 0.5) / count;
      const begin = Math.floor((at / count) * this.#peaks.length);
      const end = Math.max(begin + 1, Math.floor(((at + 1) / count) * this.#peaks.length));
      const peak = Math.max(0, ...this.#peaks.slice(begin, end)) / loudest;
      const size = Math.max(2, peak * (height - 4));
      pen.globalAlpha = share >= this.#from && share <= this.#to ? 1 : 0.35;
      pen.beginPath();
      pen.roundRect(at * (BAR + GAP), (height - size) / 2, BAR, size, 1);
      pen.fill();
    }
  }
}
