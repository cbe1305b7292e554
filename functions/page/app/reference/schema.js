/** Show a schema: what a value may be, in words, and each of its parts when it is opened. */

import { make } from "../dom.js";

/**
 * @typedef {import("./description.js").Description} Description
 * @typedef {import("./description.js").Json} Json
 */

const WORDS = { integer: "whole number", string: "text", boolean: "true or false", array: "list", null: "nothing" };

/**
 * Return an element that shows a schema.
 *
 * @param {Description} description
 * @param {Json} schema
 * @returns {HTMLElement}
 */
export function shown(description, schema) {
  const found = description.resolved(schema);
  const alternatives = found.oneOf ?? found.anyOf;
  if (alternatives) {
    const items = alternatives.map((/** @type {Json} */ one) => make("li", {}, shown(description, one)));
    return make("div", {}, make("p", {}, "One of:"), make("ul", {}, ...items));
  }
  const parts = [found, ...(found.allOf ?? []).map((/** @type {Json} */ one) => description.resolved(one))];
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {}));
  const required = parts.flatMap((part) => part.required ?? []);
  const about = make("p", {}, ...saying(description, found));
  if (found.items) return make("div", {}, about, later("each", () => [shown(description, found.items)]));
  if (!Object.keys(properties).length) return about;
  const rows = Object.entries(properties).flatMap(([name, inner]) => [
    make("dt", {}, make("code", {}, name), required.includes(name) ? "" : " (may be missing)"),
    make("dd", {}, part(description, inner)),
  ]);
  return make("div", {}, found.description ? about : null, make("dl", {}, ...rows));
}

/**
 * Say what a value may be in a line.
 *
 * @param {Description} description
 * @param {Json} schema
 * @returns {(string | HTMLElement)[]}
 */
export function saying(description, schema) {
  const found = description.resolved(schema);
  /** @type {(string | HTMLElement)[]} */
  const said = found.type || (!found.enum && found.const === undefined) ? [typeWords(found)] : [];
  const code = (/** @type {unknown} */ value) => make("code", {}, typeof value === "string" ? value : JSON.stringify(value));
  if (said.length && (found.enum || found.const !== undefined)) said.push(": ");
  if (found.enum) said.push(...found.enum.flatMap((/** @type {unknown} */ one, /** @type {number} */ at) => [at ? ", " : "", code(one)]));
  if (found.const !== undefined) said.push(code(found.const));
  if (found.minimum !== undefined) said.push(`, at least ${found.minimum}`);
  if (found.maximum !== undefined) said.push(`, at most ${found.maximum}`);
  if (found.minLength) said.push(`, at least ${found.minLength} ${found.minLength === 1 ? "character" : "characters"}`);
  if (found.maxLength) said.push(`, at most ${found.maxLength} characters`);
  if (found.pattern) said.push(", like ", code(found.pattern));
  if (found.default !== undefined) said.push(", otherwise ", code(found.default));
  const example = found.example ?? found.examples?.[0];
  if (example !== undefined && typeof example !== "object") said.push(", such as ", code(example));
  if (found.description) said.push(". ", ...prose(found.description));
  return said;
}

/**
 * Return text with `code` in it as nodes.
 *
 * @param {string} text
 * @returns {(string | HTMLElement)[]}
 */
export function prose(text) {
  return text.split(/`([^`]+)`/).map((piece, at) => (at % 2 ? make("code", {}, piece) : piece));
}

/**
 * @param {Description} description
 * @param {Json} schema
 */
function part(description, schema) {
  const found = description.resolved(schema);
  const inner = found.properties || found.oneOf || found.anyOf || found.allOf || found.items;
  const about = make("p", {}, ...saying(description, schema));
  return inner ? make("div", {}, about, later("what is in it", () => [shown(description, schema)])) : about;
}

/**
 * Return what is filled when it is opened: most of the document is never looked at, and schemas are in each other.
 *
 * @param {string | HTMLElement} title
 * @param {() => HTMLElement[]} content
 */
export function later(title, content) {
  const details = make("details", {}, make("summary", {}, title));
  details.addEventListener("toggle", () => details.append(...content()), { once: true });
  return details;
}

/**
 * Tell whether a value is a file's bytes, and not text.
 *
 * @param {Json} schema
 */
export const isFile = (schema) => schema.contentMediaType === "application/octet-stream";

/** @param {Json} found */
function typeWords(found) {
  const types = [found.type ?? (found.properties ? "object" : "anything")].flat();
  if (isFile(found)) return "file";
  const words = types.map((type) => WORDS[/** @type {keyof typeof WORDS} */ (type)] ?? type);
  return words.join(" or ") + (found.format ? ` (${found.format})` : "");
}
