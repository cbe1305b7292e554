// Bundle a style sheet that is loaded later: importing "./panels.css?address" gives the address of its file.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const LATER = /^\.\/([\w-]+\.css)\?address$/;

export const addresses = {
  name: "addresses",
  setup(build) {
    build.onResolve({ filter: LATER }, ({ path }) => ({ path: LATER.exec(path)[1], namespace: "address" }));
    build.onLoad({ filter: /.*/, namespace: "address" }, async ({ path }) => {
      const { code } = await build.esbuild.transform(readFileSync(`${HERE}/${path}`, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "file" };
    });
  },
};
