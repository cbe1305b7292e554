/** The page about the API: reads openapi.json, shows every operation, and lets one try each. */

import { make, say } from "../dom.js";
import { Description } from "./description.js";
import { identity } from "./identity.js";
import { later, prose, saying, shown } from "./schema.js";
import { trial } from "./trial.js";

/**
 * @typedef {import("./description.js").Operation} Operation
 * @typedef {import("./description.js").Json} Json
 */

const PROBLEM = "application/problem+json";
const DOCUMENT = "../jobs/openapi.json";
const NEEDS = { token: "a token or an API key", session: "the session of the page", password: "your e-mail address and password", operator: "the operator's token", "": "nothing" };

const state = /** @type {HTMLElement} */ (document.getElementById("state"));
const place = /** @type {HTMLElement} */ (document.getElementById("reference"));

/**
 * @param {Description} description
 * @param {Operation} operation
 */
function content(description, operation) {
  const needs = [...new Set(operation.security)].map((name) => NEEDS[/** @type {keyof typeof NEEDS} */ (name)]).filter(Boolean);
  /** @type {HTMLElement[]} */
  const parts = paragraphs(operation.description);
  parts.push(make("p", {}, `Needs ${needs.join(", or ")}.`));
  if (operation.parameters.length) {
    const rows = operation.parameters.flatMap((one) => [
      make("dt", {}, make("code", {}, one.name), ` in the ${one.in}${one.required ? "" : " (may be missing)"}`),
      make("dd", {}, make("p", {}, ...saying(description, { ...description.resolved(one.schema ?? {}), description: one.description }))),
    ]);
    parts.push(make("h4", {}, "Parameters"), make("dl", {}, ...rows));
  }
  for (const [type, schema] of Object.entries(operation.bodies)) {
    parts.push(make("h4", {}, "Body: ", make("code", {}, type)), shown(description, schema));
  }
  parts.push(make("h4", {}, "Answers"), ...answers(description, operation));
  parts.push(make("h4", {}, "Try it"), trial(description, operation));
  return parts;
}

/**
 * @param {Description} description
 * @param {Operation} operation
 */
function answers(description, operation) {
  /** @type {HTMLElement[]} */
  const good = [];
  /** @type {HTMLElement[]} */
  const bad = [];
  for (const [status, response] of Object.entries(operation.responses)) {
    const title = make("dt", {}, status);
    const about = make("p", {}, ...prose(response.description));
    const content = Object.entries(response.content ?? {});
    const examples = content.find(([type]) => type === PROBLEM)?.[1].examples;
    if (examples) {
      const sentences = Object.values(examples).map((one) => {
        const { summary, value } = description.resolved(one);
        return make("dd", {}, make("code", {}, value.code), " ", summary);
      });
      bad.push(title, ...sentences);
    } else {
      const schemas = content.map(([type, one]) => later(make("code", {}, type), () => [shown(description, one.schema ?? {})]));
      good.push(title, make("dd", {}, about, ...schemas));
    }
  }
  const errors = make("p", {}, "As ", make("code", {}, PROBLEM), ", with one of these codes:");
  return [make("dl", {}, ...good), later("Errors", () => [errors, make("dl", {}, ...bad)])];
}

/** @param {string} text */
function paragraphs(text) {
  return text.trim() ? text.trim().split(/\n\n+/).map((one) => make("p", {}, ...prose(one.replaceAll("\n", " ")))) : [];
}

/**
 * @param {Description} description
 * @param {Operation} operation
 */
function entry(description, operation) {
  const title = make("h3", {}, make("b", {}, operation.method), " ", make("code", {}, operation.path), " ", operation.summary);
  const details = later(title, () => content(description, operation));
  details.id = operation.id;
  details.className = "operation";
  details.addEventListener("toggle", () => details.id === location.hash.slice(1) && details.scrollIntoView());
  return details;
}

/** Open what the address names. */
function follow() {
  const named = document.getElementById(location.hash.slice(1));
  if (!(named instanceof HTMLDetailsElement)) return;
  if (named.open) named.scrollIntoView();
  named.open = true;
}

/**
 * @param {Description} description
 */
function show(description) {
  const operations = description.operations();
  const info = description.content.info;
  const sections = description.content.tags.map((/** @type {Json} */ tag) => {
    const own = operations.filter((one) => one.tag === tag.name);
    return make("section", {}, make("h2", { id: `function-${tag.name}` }, tag.name), make("p", {}, ...prose(tag.description)), ...own.map((one) => entry(description, one)));
  });
  const find = make("input", { type: "search", id: "find", autocomplete: "off" });
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const one of operations) {
      const text = `${one.method} ${one.path} ${one.summary} ${one.id} ${one.description}`.toLowerCase();
      /** @type {HTMLElement} */ (document.getElementById(one.id)).hidden = !text.includes(wanted);
    }
    for (const section of sections) section.hidden = !section.querySelector(".operation:not([hidden])");
    const left = place.querySelectorAll(".operation:not([hidden])").length;
    say(state, wanted ? `${left} of ${operations.length}` : "");
  });
  const who = make("details", {}, make("summary", {}, "Who you are"), make("p", {}, "Where it is needed, this is sent when you try something. If you are logged in on the page, you need not fill in a token. Nothing is kept."), identity.form());
  place.replaceChildren(
    ...paragraphs(info.description),
    make("p", {}, `Version ${info.version}. `, make("a", { href: DOCUMENT }, "openapi.json"), " says the same to programs."),
    who,
    make("div", { class: "field" }, make("label", { for: "find" }, "Find"), find),
    ...sections,
  );
  addEventListener("hashchange", follow);
  follow();
}

say(state, "Loading.");
try {
  const answer = await fetch(DOCUMENT);
  if (!answer.ok) throw new TypeError(`${answer.status}`);
  show(new Description(await answer.json()));
  say(state, "");
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  say(state, "The document of the API could not be loaded. Reload the page in a moment.");
}
