/** Files on their way: their rows, what can be done to them, and the warning before leaving. */

/** @import {Deed, Options, Upload, View} from "./types.js" */
/** @import {Entry, List} from "./list.js" */

import { part, span } from "./amounts.js";
import { announce } from "./announce.js";
import { Row } from "./row.js";
import { during } from "./session.js";
import { stills } from "./stills.js";
import { bytes, t } from "./texts.js";
import { add, cancel, goOn, onChange, pause, unsent } from "./uploads.js";

/** @type {Map<Upload, Entry>} */
const entries = new Map();

/**
 * Send files, each in a row of its own.
 *
 * @param {File[]} files
 * @param {Options} options
 * @param {List} list
 */
export function send(files, options, list) {
  const added = files.map((file) => {
    const upload = add(file, options);
    /** @type {Entry} */
    const entry = { row: new Row(), upload, view: () => ({ ...words(upload), deeds: deeds(upload) }) };
    entries.set(upload, entry);
    return entry;
  });
  list.add(added);
  onChange((upload) => show(upload, list));
  during({ busy: () => unsent().length > 0 });
  addEventListener("beforeunload", warn);
  void stills(files, added.map((entry) => entry.row));
}

/** @param {BeforeUnloadEvent} event */
function warn(event) {
  if (unsent().length) event.preventDefault();
}

/**
 * @param {Upload} upload
 * @param {List} list
 */
function show(upload, list) {
  const entry = entries.get(upload);
  if (!entry) return;
  if (upload.phase === "cancelled") list.remove(entry);
  else if (upload.phase === "sent") list.become(entry, upload.job);
  else list.show(entry);
  if (upload.phase === "cancelled" || upload.phase === "sent") entries.delete(upload);
  if (upload.phase === "sent" || upload.phase === "offline") announce(upload.phase, upload.name);
  list.changed();
}

/** @param {Upload} upload @returns {Deed[]} */
function deeds(upload) {
  const drop = { id: "cancel", label: t("do.cancel"), run: () => cancel(upload) };
  if (upload.phase === "sent") return [];
  if (upload.phase === "paused") return [{ id: "go", label: t("do.go"), run: () => goOn(upload) }, drop];
  if (upload.phase === "refused") return [{ id: "go", label: t("do.try"), run: () => goOn(upload) }, { ...drop, label: t("do.remove") }];
  return [{ id: "pause", label: t("do.pause"), run: () => pause(upload) }, drop];
}

/** @param {Upload} upload @returns {Omit<View, "deeds">} */
function words(upload) {
  const { name, file, body, phase } = upload;
  const whole = bytes(file.size);
  const said = { name, facts: whole };
  if (phase === "reading") return { ...said, words: t("up.reading"), bar: upload.read };
  if (phase === "sending" && body) {
    const values = { sent: part(upload.sent, body.size), all: bytes(body.size), whole };
    const words = body === file ? t("up.sending", values) : t("up.sending.sound", values);
    return { ...said, facts: "", words, bar: upload.sent / body.size, aside: left(upload) };
  }
  if (phase === "ready" && body && body !== file) return { ...said, words: t("up.ready.sound", { all: bytes(body.size), whole }), bar: null };
  if (phase === "refused") return { ...said, words: t("up.refused"), tone: "bad" };
  if (phase === "sent") return { ...said, words: t("job.queued"), bar: null };
  return { ...said, words: t(`up.${phase}`), bar: phase === "paused" ? 0 : null };
}

/** @param {Upload} upload */
function left({ began, sent, body }) {
  const seconds = (performance.now() - began) / 1000;
  if (seconds < 2 || !sent || !body || sent >= body.size) return "";
  return t("up.left", { time: span(((body.size - sent) * seconds) / sent) });
}

