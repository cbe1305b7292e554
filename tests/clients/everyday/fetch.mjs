// Makes the request that its argument describes, and prints the status and the headers in one line, then the body.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";

const asked = JSON.parse(process.argv[2]);
const url = new URL(asked.url);
const options = { method: asked.method, headers: asked.headers ?? {} };

if (asked.credentials) {
    options.headers.Authorization = `Basic ${Buffer.from(asked.credentials).toString("base64")}`;
}
if (asked.way === "form") {
    options.body = new FormData();
    options.body.append("file", new Blob([await readFile(asked.path)]), asked.name);
} else if (asked.way) {
    url.searchParams.set("filename", asked.name);
    if (asked.way === "raw") {
        options.body = await readFile(asked.path);
    } else {
        options.body = Readable.toWeb(createReadStream(asked.path));
        options.duplex = "half";
    }
}

const response = await fetch(url, options);
const body = Buffer.from(await response.arrayBuffer());
const head = { status: response.status, headers: Object.fromEntries(response.headers) };
process.stdout.write(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]));
