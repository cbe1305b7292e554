// Bundle one part of a JSON file, such as "./texts/en.json?first", so that the first view waits for no other.

import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PART = /^(.*\.json)\?(\w+)$/;

export const sections = {
  name: "sections",
  setup(build) {
    // Names are relative: those of the built files must not depend on where they are built.
    build.onResolve({ filter: PART }, ({ path, resolveDir }) => ({
      path: relative(HERE, resolve(resolveDir, path)),
      namespace: "section",
    }));
    build.onLoad({ filter: PART, namespace: "section" }, ({ path }) => {
      const [, file, part] = PART.exec(path);
      return { contents: JSON.stringify(JSON.parse(readFileSync(resolve(HERE, file), "utf8"))[part]), loader: "json" };
    });
  },
};
