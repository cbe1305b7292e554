/** Try an operation: a form of all that it takes, the same as a line of curl, and the answer. */

import { make, say } from "../dom.js";
import { answered } from "./answer.js";
import { identity } from "./identity.js";
import { isFile, prose } from "./schema.js";

/**
 * @typedef {import("./description.js").Description} Description
 * @typedef {import("./description.js").Operation} Operation
 * @typedef {import("./description.js").Json} Json
 * @typedef {{name: string, place: string, input: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement}} Field
 */

const SECRETS = ["password", "token"];
const FORM = "multipart/form-data";
const CODED = "application/x-www-form-urlencoded";
const ROOT = new URL("..", location.href);
let count = 0;

/**
 * Return the form.
 *
 * @param {Description} description
 * @param {Operation} operation
 * @returns {HTMLElement}
 */
export function trial(description, operation) {
  const parameters = operation.parameters.map((one) => field(description, one.name, one.in, one, Boolean(one.required)));
  const rows = parameters.map(labelled);
  const types = Object.keys(operation.bodies);
  const chosen = make("select", {}, ...types.map((type) => make("option", { value: type }, type)));
  const body = make("div");
  const line = make("code");
  const send = make("button", { type: "submit" }, `Send ${operation.method}`);
  const stop = make("button", { type: "button", hidden: true }, "Stop");
  const answer = make("div", { role: "status" });
  /** @type {Field[]} */
  let parts = [];

  const fill = () => {
    parts = types.length ? bodyFields(description, operation.bodies[chosen.value] ?? {}, chosen.value) : [];
    body.replaceChildren(...parts.map(labelled));
    // What may be in the query and in the form is asked for once.
    rows.forEach((row, at) => (row.hidden = parts.some((one) => one.name === parameters[at]?.name && one.place !== "body")));
  };
  const all = () => [...parameters.filter((_, at) => !rows[at]?.hidden), ...parts];
  const show = () => say(line, curl(operation, all(), chosen.value));

  const form = make(
    "form",
    { input: show, change: show },
    ...rows,
    types.length > 1 ? make("div", { class: "field" }, make("label", {}, "Content-Type", chosen)) : null,
    body,
    make("p", { class: "actions" }, send, stop),
    make("p", {}, "The same with curl:"),
    make("pre", { tabindex: "0" }, line),
  );
  chosen.addEventListener("change", fill);
  identity.changed(show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const abort = new AbortController();
    stop.onclick = () => abort.abort();
    send.disabled = true;
    stop.hidden = false;
    try {
      await answered(answer, () => fetch(address(operation, all()), { ...request(operation, all(), chosen.value), signal: abort.signal }));
    } finally {
      send.disabled = false;
      stop.hidden = true;
    }
  });
  fill();
  show();
  return make("div", {}, form, answer);
}

/**
 * @param {Description} description
 * @param {string} name
 * @param {string} place
 * @param {Json} about
 * @param {boolean} required
 * @returns {Field & {about: string}}
 */
function field(description, name, place, about, required) {
  const schema = description.resolved(about.schema ?? about);
  const example = about.example ?? schema.examples?.[0];
  const given = { name, id: `field-${count++}`, required };
  const values = schema.enum ?? (schema.type === "boolean" ? [true, false] : undefined);
  let input;
  if (values) input = make("select", given, make("option", { value: "" }, ""), ...values.map((/** @type {unknown} */ one) => make("option", {}, String(one))));
  else if (isFile(schema)) input = make("input", { ...given, type: "file" });
  else input = make("input", { ...given, placeholder: example === undefined ? "" : String(example), autocomplete: "off", type: schema.format === "password" || name === "password" ? "password" : "text" });
  return { name, place, input, about: about.description ?? schema.description ?? "" };
}

/**
 * @param {Description} description
 * @param {Json} schema
 * @param {string} type
 * @returns {Field[]}
 */
function bodyFields(description, schema, type) {
  const found = description.resolved(schema);
  if (type === FORM || type === CODED) {
    return Object.entries(found.properties ?? {}).map(([name, inner]) =>
      field(description, name, type, description.resolved(inner), Boolean(found.required?.includes(name))),
    );
  }
  const id = `field-${count++}`;
  if (type.includes("json")) {
    const text = JSON.stringify(description.example(schema), null, 2);
    const input = make("textarea", { id, rows: Math.min(12, text.split("\n").length + 1), spellcheck: "false" });
    input.value = text;
    return [{ name: "body", place: "body", input }];
  }
  return [{ name: "file", place: "body", input: make("input", { id, type: "file", required: true }) }];
}

/** @param {Field & {about?: string}} one */
function labelled(one) {
  const star = one.input.required ? " (required)" : "";
  const about = one.about ? make("small", { id: `${one.input.id}-about` }, ...prose(one.about)) : null;
  if (about) one.input.setAttribute("aria-describedby", about.id);
  return make("div", { class: "field" }, make("label", { for: one.input.id }, make("code", {}, one.name), star), one.input, about);
}

/**
 * @param {Field[]} fields
 * @param {string} place
 * @returns {[string, string][]}
 */
function given(fields, place) {
  return fields
    .filter((one) => one.place === place && one.input.type !== "file" && one.input.value !== "")
    .map((one) => [one.name, one.input.value]);
}

/**
 * @param {Operation} operation
 * @param {Field[]} fields
 */
function address(operation, fields) {
  const values = Object.fromEntries(given(fields, "path"));
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
  const found = new URL(`.${path}`, ROOT);
  for (const [name, value] of given(fields, "query")) found.searchParams.append(name, value);
  return found.href;
}

/** @param {Field[]} fields */
function file(fields) {
  const found = fields.find((one) => one.input.type === "file");
  return found && { name: found.name, content: /** @type {HTMLInputElement} */ (found.input).files?.[0] };
}

/**
 * @param {Operation} operation
 * @param {Field[]} fields
 * @param {string} type
 * @returns {RequestInit}
 */
function request(operation, fields, type) {
  const headers = new Headers([...given(fields, "header"), ...identity.headers(operation.security)]);
  /** @type {FormData | URLSearchParams | Blob | string | undefined} */
  let body;
  const sent = file(fields);
  if (type === FORM) {
    body = new FormData();
    for (const [name, value] of given(fields, type)) body.append(name, value);
    // The file goes last: what comes after it could only be read once all of it is there.
    if (sent?.content) body.append(sent.name, sent.content);
  } else if (type === CODED) body = new URLSearchParams(given(fields, type));
  else if (sent) body = sent.content;
  else if (type) {
    body = given(fields, "body")[0]?.[1];
    if (body !== undefined) headers.set("Content-Type", type);
  }
  return { method: operation.method, headers, body: body ?? null, cache: "no-store", redirect: "follow" };
}

/**
 * Return JSON with names in place of the secrets in it.
 *
 * @param {string} text
 */
function hidden(text) {
  return text.replace(/"(password|token)"(\s*:\s*)"(?:[^"\\]|\\.)*"/g, (_, name, colon) => `"${name}"${colon}"${name.toUpperCase()}"`);
}

/**
 * Return the line of curl that sends the same; secrets are named and not shown.
 *
 * @param {Operation} operation
 * @param {Field[]} fields
 * @param {string} type
 */
function curl(operation, fields, type) {
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
  const words = ["curl"];
  if (operation.method !== "GET") words.push("-X", operation.method);
  words.push(...identity.curl(operation.security));
  for (const [name, value] of given(fields, "header")) words.push("-H", quoted(`${name}: ${value}`));
  const sent = file(fields);
  if (type === FORM) {
    for (const [name, value] of given(fields, type)) words.push("-F", quoted(`${name}=${SECRETS.includes(name) ? name.toUpperCase() : value}`));
    if (sent) words.push("-F", quoted(`${sent.name}=@${sent.content?.name ?? "FILE"}`));
  } else if (type === CODED) {
    for (const [name, value] of given(fields, type)) words.push("--data-urlencode", quoted(`${name}=${SECRETS.includes(name) ? name.toUpperCase() : value}`));
  } else if (sent) words.push("-T", quoted(sent.content?.name ?? "FILE"));
  else for (const [, value] of given(fields, "body")) words.push("-H", quoted(`Content-Type: ${type}`), "-d", quoted(hidden(value)));
  return [...words, quoted(address(operation, fields))].join(" ");
}
