// Bundle wavesurfer.js without innerHTML, which Trusted Types forbid, and without its style element, which the policy
// for content forbids. The build fails if a new version writes anything else.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILL = fileURLToPath(new URL("markup.js", import.meta.url));
const ROOT = /return (\w)\.innerHTML=(`\\n\s+<style.*?`),\[(\w),\1\]\}/s;
const EMPTY = /\.innerHTML=""/g;

export const wavesurfer = {
  name: "wavesurfer",
  setup(build) {
    build.onLoad({ filter: /wavesurfer\.js\/dist\/wavesurfer\.esm\.js$/ }, ({ path }) => {
      const original = readFileSync(path, "utf8");
      const filled = original.replace(ROOT, "return fillRoot($1,$2),[$3,$1]}").replace(EMPTY, '.textContent=""');
      if (filled === original || /innerHTML|outerHTML|insertAdjacentHTML|document\.write/.test(filled)) {
        return { errors: [{ text: "wavesurfer.js sets HTML in a way that is not known here." }] };
      }
      return { contents: `import{fill as fillRoot}from${JSON.stringify(FILL)};${filled}` };
    });
  },
};
