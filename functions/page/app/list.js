/** The list: rows of uploads and jobs, live, with pages and search. */

/** @import {Job, Upload, View} from "./types.js" */

import { Problem } from "./api.js";
import { deedsOfJob } from "./deeds.js";
import { make, say } from "./dom.js";
import * as jobs from "./jobs.js";
import { Row } from "./row.js";
import { mails } from "./session.js";
import { t } from "./texts.js";
import { ofJob } from "./words.js";

const SEARCH_MILLISECONDS = 250;
const LONGEST_TEXT = 255; // as jobs takes it
const AGAIN_MILLISECONDS = 2000;
const MINUTE_MILLISECONDS = 60_000;
const WORKING = new Set(["uploading", "queued", "converting"]);

/**
 * A row and what it shows: an upload, by its own view, and then its job.
 *
 * @typedef {{row: Row, job?: Job, upload?: Upload, view?: () => View}} Entry
 */

export class List {
  /** @type {Set<Entry>} */
  entries = new Set();
  #next = "";
  #text = "";
  #lost = false;
  #rows = make("ol", { class: "rows", "aria-labelledby": "files" });
  #count = make("span", { class: "count" });
  #older = make("button", { class: "quiet older", type: "button", hidden: true, click: () => this.#more() }, t("list.older"));
  #empty = make("div", { class: "empty", hidden: true });
  #search = make("input", { type: "search", maxlength: LONGEST_TEXT, "aria-label": t("list.search"), placeholder: t("list.search"), input: () => this.#typed() });
  #zip = make("button", { class: "quiet", type: "button", hidden: true, click: () => void this.#archive() }, t("list.zip"));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  changed = () => {};

  element = make(
    "section",
    { class: "files", "aria-labelledby": "files" },
    make("div", { class: "bar" }, make("h2", { id: "files" }, t("list.title")), this.#count, this.#zip, this.#search),
    this.#rows,
    this.#empty,
    this.#older,
  );

  /** @param {number} linkDays how long a link may work */
  constructor(linkDays) {
    this.linkDays = linkDays;
  }

  /** Show the first page. */
  async start() {
    while (!(await this.refresh().then(() => true, (error) => this.#failed(error)))) await new Promise((wait) => setTimeout(wait, AGAIN_MILLISECONDS));
    this.mark(false);
    setInterval(() => this.entries.forEach((entry) => this.show(entry)), MINUTE_MILLISECONDS);
  }

  /** @param {Entry[]} entries in the order in which they are sent, above all others */
  add(entries) {
    for (const entry of entries) {
      this.entries.add(entry);
      this.show(entry);
    }
    this.#rows.prepend(...entries.map((entry) => entry.row.element));
    this.#tidy();
  }

  /**
   * Let an upload's row go on as its job's, of which the stream of events may have spoken first.
   *
   * @param {Entry} entry
   * @param {string} id
   */
  become(entry, id) {
    const heardFirst = this.#of(id, entry);
    if (heardFirst?.job) {
      entry.job = heardFirst.job;
      this.remove(heardFirst);
    } else jobs.one(id).then((job) => this.take(job), () => {}); // the stream tells it too
    this.show(entry);
  }

  /**
   * Show a job that is new or has changed.
   *
   * @param {Job} job
   */
  take(job) {
    const known = this.#of(job.id);
    if (known) {
      // Answers and events overtake one another.
      if (known.job && known.job.updated > job.updated) return;
      this.#tell(known.job, job);
      known.job = job;
      this.show(known);
      this.#tidy();
    } else if (job.filename.toLocaleLowerCase().includes(this.#text.toLocaleLowerCase()) && !this.#isOurs(job)) {
      this.#insert({ row: new Row(), job });
    }
    this.changed();
  }

  /** @param {Entry} entry */
  show(entry) {
    const { row, job, upload, view } = entry;
    if (job) row.show({ ...ofJob(job), deeds: deedsOfJob(entry, this) });
    else if (view) row.show(view());
    const waits = upload?.phase === "patient";
    // What a lost connection means for a row, its view has said; and a file that is being sent again has no problem.
    const problem = waits || upload?.phase === "refused" ? upload?.problem : undefined;
    const { code, title } = job ? job.error ?? {} : { code: problem?.code, title: problem?.message };
    if (code) void this.#explain(row, code, title ?? "", problem?.wait, waits ? "waits" : problem?.more["field"]);
  }

  /**
   * @param {Row} row
   * @param {string} code
   * @param {string} title
   * @param {number} [wait]
   * @param {string} [about]
   */
  async #explain(row, code, title, wait, about) {
    const { of } = await import("./after.js");
    row.explain(await of(code, title, wait, about));
  }

  /** @param {Entry} entry */
  remove(entry) {
    const { element } = entry.row;
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    if (element.contains(document.activeElement)) (neighbour instanceof HTMLElement ? neighbour : this.#search).focus();
    element.remove();
    this.entries.delete(entry);
    this.#tidy();
    this.changed();
  }

  /**
   * @param {string} id
   * @param {Entry} [other]
   */
  #of(id, other) {
    return [...this.entries].find((entry) => entry !== other && (entry.job?.id === id || entry.upload?.job === id));
  }

  /** Whether a job that is being received is one that this page sends; its id comes with the answer. @param {Job} job */
  #isOurs(job) {
    return job.state === "uploading" && [...this.entries].some((entry) => !entry.job && entry.upload?.name === job.filename);
  }

  /** @param {string} id */
  drop(id) {
    const entry = this.#of(id);
    if (entry) this.remove(entry);
  }

  /** @param {Entry} entry */
  #insert(entry) {
    this.entries.add(entry);
    this.show(entry);
    const { created } = /** @type {Job} */ (entry.job);
    const older = [...this.#rows.children].find((element) => {
      const other = [...this.entries].find((each) => each.row.element === element);
      return other?.job && !other.upload && other.job.created < created;
    });
    this.#rows.insertBefore(entry.row.element, older ?? null);
    this.#tidy();
  }

  async refresh() {
    const text = this.#text;
    const page = await jobs.page({ text });
    if (text !== this.#text) return;
    const oldest = page.next ? page.jobs.at(-1)?.created ?? "" : "";
    const ids = new Set(page.jobs.map((job) => job.id));
    for (const entry of [...this.entries]) {
      const { job } = entry;
      if (job && !ids.has(job.id) && job.created >= oldest) this.remove(entry);
    }
    page.jobs.forEach((job) => this.take(job));
    if (!this.#next || !page.next) this.#next = page.next;
    this.#tidy();
  }

  async #more() {
    const page = await jobs.page({ text: this.#text, after: this.#next });
    this.#next = page.next;
    const last = this.#rows.lastElementChild;
    page.jobs.forEach((job) => this.take(job));
    const first = last?.nextElementSibling;
    if (first instanceof HTMLElement) first.focus({ preventScroll: true });
    this.#tidy();
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      this.#text = this.#search.value.trim();
      this.#next = "";
      for (const entry of [...this.entries]) if (!entry.upload || entry.job) this.remove(entry);
      void this.refresh();
    }, SEARCH_MILLISECONDS);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof Problem) || !error.passes) throw error;
    this.mark(true);
    return false;
  }

  /** @param {boolean} lost */
  mark(lost) {
    this.#lost = lost;
    this.#tidy();
  }

  #tidy() {
    const all = [...this.entries];
    const working = all.filter(({ job, upload }) => (job ? WORKING.has(job.state) : upload?.phase !== "refused")).length;
    const count = working ? t("list.working", { n: working }) : "";
    say(this.#count, this.#lost ? t("list.offline") : count);
    this.#zip.hidden = this.#archivable().length < 2;
    this.#older.hidden = !this.#next;
    this.#empty.hidden = all.length > 0;
    if (all.length === 0) this.#empty.replaceChildren(...this.#teach());
  }

  #teach() {
    if (this.#text) return [make("p", {}, t("list.nothing", { text: this.#text }))];
    return [1, 2, 3].map((step) => make("p", {}, make("b", {}, t(`teach.${step}`)), ` ${t(step === 2 && !mails ? "teach.2.no-mail" : `teach.${step}.more`)}`));
  }

  #archivable() {
    return [...this.entries].flatMap(({ job }) => (job?.links.audio ? [job] : [])).slice(0, 100);
  }

  async #archive() {
    const { archive } = await import("./archive.js");
    await archive(this.#archivable(), this.#zip);
  }

  /**
   * @param {Job | undefined} before
   * @param {Job} now
   */
  #tell(before, now) {
    if (before && before.state !== now.state && ["done", "failed"].includes(now.state)) void import("./after.js").then(({ announce }) => announce(now.state, now.filename));
  }
}
