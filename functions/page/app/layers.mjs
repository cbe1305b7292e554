// Keep all that a page shows at once in one file, because small ones compress badly: whatever is loaded later imports it.
//
// Without this, the build makes a file of each set of modules that the same later files share.

import { readFileSync, readdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const LATER = /\bimport\("\.\/([\w-]+\.js)"\)/g;

/** @param {string} first the script of the page */
export function layers(first) {
  const sources = readdirSync(HERE).filter((name) => name.endsWith(".js"));
  const later = new Set(sources.flatMap((name) => [...readFileSync(HERE + name, "utf8").matchAll(LATER)].map(([, found]) => found)));
  return {
    name: "layers",
    setup(build) {
      build.onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!later.has(relative(HERE, path))) return undefined;
        return { contents: `${readFileSync(path, "utf8")}\nimport "./${first}";`, loader: "js" };
      });
    },
  };
}
