/** Fill the shadow root of a waveform without HTML or a style element, both of which the page forbids itself. */

// A div with a class and perhaps a part, or the end of one: all that wavesurfer.js writes.
const TAG = /\s*(?:<div class="(\w+)"(?: part="(\w+)")?>|(<\/div>))\s*/y;

/**
 * Put a style sheet and nested elements of the class div, written as HTML, into a shadow root.
 * @param {ShadowRoot} root
 * @param {string} markup
 */
export function fill(root, markup) {
  const parts = /^\s*<style>(.*?)<\/style>(.*)$/s.exec(markup);
  if (!parts?.[1] || !parts[2]) throw new Error("wavesurfer.js writes something else than it used to.");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(parts[1]);
  root.adoptedStyleSheets = [sheet];
  /** @type {ParentNode & Node} */
  let parent = root;
  TAG.lastIndex = 0;
  for (let end = 0; end < parts[2].length; end = TAG.lastIndex) {
    const tag = TAG.exec(parts[2]);
    if (!tag || (tag[3] && !parent.parentNode)) throw new Error("wavesurfer.js writes something else than it used to.");
    if (tag[3]) {
      parent = /** @type {ParentNode & Node} */ (parent.parentNode);
      continue;
    }
    const element = document.createElement("div");
    element.className = tag[1] ?? "";
    if (tag[2]) element.setAttribute("part", tag[2]);
    parent.append(element);
    parent = element;
  }
}
