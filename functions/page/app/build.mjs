// Build the page: every file that functions/page serves, compressed, with names that change when their content does.
//
//     node build.mjs [FOLDER]     FOLDER is ../built without one; what is in it is replaced

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import * as esbuild from "esbuild";

import { addresses } from "./addresses.mjs";
import { layers } from "./layers.mjs";
import { sections } from "./sections.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = resolve(process.argv[2] ?? join(HERE, "../built"));
const PAGES = ["index.html", "api.html"];
// What main.js chooses between, and the parts of the texts and the styles that each shows at once.
const VIEWS = {
  "stranger.js": { parts: "first+welcome", styles: ["style.css", "panels.css"] },
  "member.js": { parts: "first+work+jobs", styles: ["style.css"] },
};
// Script and style that each of these waits for until all of it is shown and works, compressed with gzip.
const FIRST_LOAD_LIMIT = 12_000;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};
// Already compressed.
const AS_IT_IS = [".png"];

const files = new Map(); // name -> {content, immutable}
const inputs = new Set(); // every file that was bundled

async function bundle(entryPoints, { plugins = [], ...options } = {}) {
  const result = await esbuild.build({
    absWorkingDir: HERE,
    entryPoints,
    outdir: OUT,
    bundle: true,
    write: false,
    metafile: true,
    preserveSymlinks: true, // a package is known by its folder
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none", // licences.txt has them all
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".svg": "file", ".png": "file" },
    splitting: true,
    plugins: [sections, addresses, ...plugins],
    logLevel: "warning",
    ...options,
  });
  for (const file of result.outputFiles) files.set(basename(file.path), { content: file.contents, immutable: true });
  for (const input of Object.keys(result.metafile.inputs)) inputs.add(input);
  const outputs = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const imports = output.imports.filter((one) => !one.external);
    const named = (kind) => imports.filter((one) => one.kind === kind).map((one) => basename(one.path));
    const source = output.entryPoint ?? "";
    outputs[basename(path)] = { source, now: named("import-statement"), later: named("dynamic-import") };
  }
  return outputs;
}

function builtFrom(outputs, source) {
  return Object.keys(outputs).find((name) => outputs[name].source === source);
}

/** Return the file with all of a view: what is loaded later imports it, so the view's own file would only do the same. */
function content(view) {
  const name = builtFrom(outputs, view);
  files.delete(name);
  return outputs[name].now[0];
}

/** Return a file and all that it imports, which browsers load before they run it. */
function closure(outputs, name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    for (const other of outputs[name].now) closure(outputs, other, found);
  }
  return [...found];
}

/** Return a page with the names of the built files in place of their sources, and hints for what its script imports. */
function filledIn(page, outputs) {
  const html = readFileSync(join(HERE, page), "utf8");
  return html.replace(/^(.*?\b(?:src|href)=")([^"#?:.][^"#?:]*\.[a-z]+)(".*)$/gm, (_, before, source, after) => {
    if (PAGES.includes(source) || source === "licences.txt") return before + source + after;
    const name = sheet(source) ?? builtFrom(outputs, source) ?? asset(source);
    const indent = /^\s*/.exec(before)[0];
    const imported = extname(name) === ".js" ? closure(outputs, name).slice(1) : [];
    const hints = imported.map((other) => `\n${indent}<link rel="modulepreload" href="${other}">`);
    return before + name + after + hints.join("");
  });
}

/** Return the file that a style sheet became. */
function sheet(source) {
  return [...files.keys()].find((name) => name.startsWith(`${basename(source, ".css")}-`) && name.endsWith(".css"));
}

function asset(source) {
  const content = readFileSync(join(HERE, source));
  const ending = extname(source);
  const name = `${basename(source, ending)}-${sha256(content).slice(0, 8)}${ending}`;
  files.set(name, { content, immutable: true });
  return name;
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

/** Return the licences of every package that was bundled, and where its source is. */
function licences() {
  const packages = new Set();
  for (const input of inputs) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const parts = [...packages].sort().map((name) => {
    const folder = join(HERE, "node_modules", name);
    const { version, license, author, repository, homepage } = JSON.parse(readFileSync(join(folder, "package.json")));
    const source = repository?.url ?? repository ?? homepage;
    const text = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    const by = author?.name ?? author;
    const heading = [`${name} ${version}`, `Licence: ${license}`, by && `By: ${by}`, `Source: ${source}`];
    const body = text ? readFileSync(join(folder, text), "utf8").trim() : "";
    return `${heading.filter(Boolean).join("\n")}\n\n${body}`.trim();
  });
  return `The page contains these packages.\n\n${parts.join(`\n\n${"=".repeat(80)}\n\n`)}\n`;
}

function compressed(content) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  return { br: brotliCompressSync(content, { params }), gzip: gzipSync(content, { level: 9 }) };
}

/** Write all files beside their compressed forms, and the manifest that tells the function what to serve. */
function write(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const manifest = {};
  for (const [name, { content, immutable }] of [...files].sort()) {
    const bytes = Buffer.from(content);
    writeFileSync(join(folder, name), bytes);
    const sizes = { identity: bytes.length };
    if (!AS_IT_IS.includes(extname(name))) {
      for (const [coding, packed] of Object.entries(compressed(bytes))) {
        if (packed.length >= bytes.length) continue;
        writeFileSync(join(folder, `${name}.${coding === "br" ? "br" : "gz"}`), packed);
        sizes[coding] = packed.length;
      }
    }
    manifest[name] = { type: TYPES[extname(name)], sha256: sha256(bytes), immutable, sizes };
  }
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}

const outputs = await bundle(["sound/worker.js"]);
const worker = { SOUND_WORKER: JSON.stringify(builtFrom(outputs, "sound/worker.js")) };
for (const view of Object.keys(VIEWS)) {
  Object.assign(outputs, await bundle([view], { plugins: [layers(view)], define: worker }));
}
const scripts = Object.fromEntries(Object.keys(VIEWS).map((view) => [view, content(view)]));
const [STRANGER, MEMBER] = Object.values(scripts).map((name) => `"./${name}"`);
Object.assign(outputs, await bundle(["main.js"], { define: { STRANGER, MEMBER }, external: ["./chunk-*"] }));
Object.assign(outputs, await bundle(["style.css", "reference/reference.js", "reference/reference.css"]));
for (const page of PAGES) {
  files.set(page, { content: filledIn(page, outputs), immutable: false });
}
files.set("licences.txt", { content: licences(), immutable: false });

// What other functions' pages use, which cannot know the names of today.
const styles = VIEWS["stranger.js"].styles.map((source) => files.get(sheet(source)).content);
files.set("style.css", { content: Buffer.concat(styles), immutable: false });
files.set("icon.svg", { content: readFileSync(join(HERE, "icon.svg")), immutable: false });

const fresh = `${OUT}.new`;
const manifest = write(fresh);
rmSync(OUT, { recursive: true, force: true });
renameSync(fresh, OUT);

const total = (names, coding) => names.reduce((sum, name) => sum + (manifest[name].sizes[coding] ?? manifest[name].sizes.identity), 0);
for (const [name, { sizes }] of Object.entries(manifest)) {
  console.log(`${name.padEnd(36)} ${sizes.identity} bytes, ${sizes.gzip ?? "-"} gz, ${sizes.br ?? "-"} br`);
}
for (const [view, { parts, styles }] of Object.entries(VIEWS)) {
  const script = new Set([builtFrom(outputs, "main.js"), scripts[view]].flatMap((name) => closure(outputs, name)));
  const texts = Object.keys(outputs).filter((name) => outputs[name].source.endsWith(`?${parts}`));
  const style = styles.map(sheet);
  const loads = texts.map((language) => [...script, ...style, language]);
  const [gzip, br] = ["gzip", "br"].map((coding) => Math.max(...loads.map((names) => total(names, coding))));
  console.log(`First load of ${view}: ${gzip} of ${FIRST_LOAD_LIMIT} bytes gz (${br} br)`);
  if (!(gzip <= FIRST_LOAD_LIMIT)) {
    console.error(`The first load of ${view} is too heavy.`);
    process.exitCode = 1;
  }
}
console.log(`Built into ${relative(process.cwd(), OUT) || "."}`);
