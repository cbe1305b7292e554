// Bundle parts of a JSON file, such as "./texts/en.json?first+work+jobs", so that a view waits for no others.

import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PARTS = /^(.*\.json)\?(\w+(?:\+\w+)*)$/;

export const sections = {
  name: "sections",
  setup(build) {
    // Names are relative: those of the built files must not depend on where they are built.
    build.onResolve({ filter: PARTS }, ({ path, resolveDir }) => ({
      path: relative(HERE, resolve(resolveDir, path)),
      namespace: "section",
    }));
    build.onLoad({ filter: PARTS, namespace: "section" }, ({ path }) => {
      const [, file, parts] = PARTS.exec(path);
      const found = JSON.parse(readFileSync(resolve(HERE, file), "utf8"));
      const texts = Object.assign({}, ...parts.split("+").map((part) => found[part]));
      // Of JSON, esbuild would export each key as well, and so have it twice.
      return { contents: `export default ${JSON.stringify(texts)}`, loader: "js" };
    });
  },
};
