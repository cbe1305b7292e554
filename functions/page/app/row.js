/** A row of the list: one file, whatever becomes of it, in the same place. */

/** @import {Deed, View} from "./types.js" */

import { make, say, set } from "./dom.js";

let count = 0;

export class Row {
  #name = make("bdi");
  #facts = make("bdi", { class: "facts" });
  #words = make("p", { class: "words" });
  #bar = make("progress", { max: 1 });
  #aside = make("span", { class: "aside" });
  #deeds = make("div", { class: "deeds" });
  still = make("div", { class: "still" });
  /** Where panels open. */
  more = make("div", { class: "more" });
  element = make("li", { class: "row", tabindex: -1 });
  /** @type {Map<string, {element: HTMLElement, deed: Deed}>} */
  #doable = new Map();
  /** @type {HTMLElement | undefined} */
  #cover;

  constructor() {
    const id = `name-${(count += 1)}`;
    const name = make("h3", { id }, this.#name);
    set(this.#bar, "aria-labelledby", id);
    set(this.element, "aria-labelledby", id);
    this.element.append(
      this.still,
      make("div", { class: "head" }, name, this.#facts),
      make("div", { class: "state" }, this.#words, this.#bar, this.#aside),
      this.#deeds,
      this.more,
    );
  }

  /** @param {View} view */
  show(view) {
    say(this.#name, view.name);
    say(this.#facts, view.facts ?? "");
    say(this.#words, view.words);
    say(this.#aside, view.aside ?? "");
    this.#bar.hidden = view.bar === undefined;
    set(this.#bar, "value", view.bar);
    set(this.element, "data-tone", view.tone);
    this.still.style.setProperty("--hue", String(hue(view.name)));
    this.#offer(view.deeds, view.name);
  }

  /** @param {string} sentence in place of the words, for what takes time to find */
  explain(sentence) {
    if (this.element.dataset["tone"] === "bad" || this.#bar.hidden === false) say(this.#words, sentence);
  }

  /** @param {HTMLElement} cover what is shown instead of this row */
  cover(cover) {
    this.#cover = cover;
    set(this.element, "data-gone", true);
    this.element.append(cover);
  }

  uncover() {
    this.#cover?.remove();
    set(this.element, "data-gone", false);
    this.element.focus({ preventScroll: true });
  }

  /** @param {string} id */
  press(id) {
    this.#doable.get(id)?.element.click();
  }

  /**
   * @param {Deed[]} deeds
   * @param {string} name
   */
  #offer(deeds, name) {
    const had = this.#deeds.contains(document.activeElement);
    const elements = deeds.map((deed) => {
      const known = this.#doable.get(deed.id);
      const element = known && Boolean(known.deed.href) === Boolean(deed.href) ? known.element : this.#make(deed.id, Boolean(deed.href));
      this.#doable.set(deed.id, { element, deed });
      say(element, deed.label);
      set(element, "aria-label", `${deed.label}: ${name}`);
      set(element, "class", deed.primary ? "button" : "quiet");
      set(element, "aria-expanded", deed.open === undefined ? undefined : String(deed.open));
      set(element, "href", deed.href);
      return element;
    });
    if (elements.length === this.#deeds.children.length && elements.every((each, at) => each === this.#deeds.children[at])) return;
    for (const id of this.#doable.keys()) if (!deeds.some((deed) => deed.id === id)) this.#doable.delete(id);
    this.#deeds.replaceChildren(...elements);
    // If the button that was just pressed is gone, the focus stays in this row instead of going to the top of the page.
    if (had && !this.#deeds.contains(document.activeElement)) this.element.focus({ preventScroll: true });
  }

  /**
   * @param {string} id
   * @param {boolean} link
   * @returns {HTMLElement}
   */
  #make(id, link) {
    const click = (/** @type {Event} */ event) => this.#doable.get(id)?.deed.run(event);
    return link ? make("a", { click, download: true }) : make("button", { type: "button", click });
  }
}

/** @param {string} name */
function hue(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 360;
  return sum;
}
