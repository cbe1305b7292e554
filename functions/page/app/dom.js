/** Elements, built without any HTML text: names of files are data, and Trusted Types forbid the rest. */

/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Value */

/**
 * Make an element. A function becomes a listener; true, an attribute without a value; false and nothing, no attribute.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Value>} [given]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else set(element, name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Set an attribute, or remove it; what is as it should be is not touched.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(element, name, value) {
  if (value === false || value === null || value === undefined) return element.removeAttribute(name);
  // ARIA's attributes have no value that may be left out (WAI-ARIA 1.2, section 6.2.4).
  const text = value === true && !name.startsWith("aria-") ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Set an element's text, unless it has it: a screen reader need not hear it again.
 *
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
