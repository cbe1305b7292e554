/** The private podcast: an address that is shown once, also as a QR code for the phone. */

import qrcode from "qrcode-generator";

import { call } from "./api.js";
import { offer } from "./copying.js";
import { make, say, set } from "./dom.js";
import { t } from "./texts.js";

const MARGIN = 4;

export function podcast() {
  const shown = make("div", { class: "copying" });
  const says = make("p", { class: "small", role: "status" });
  return make(
    "section",
    { class: "card" },
    make("h2", {}, t("feed.title")),
    make("p", {}, t("feed.what")),
    shown,
    says,
    make("p", { class: "line" }, make("button", { type: "button", click: () => void begin() }, t("feed.make")), make("button", { type: "button", class: "quiet", click: () => void end() }, t("feed.end"))),
  );

  async function begin() {
    const { url } = await (await call("../jobs/feed", { method: "POST" })).json();
    offer(shown, t("feed.url"), url, () => say(says, t("copied")));
    shown.append(code(url));
  }

  async function end() {
    await call("../jobs/feed", { method: "DELETE" });
    shown.replaceChildren();
    say(says, t("feed.ended"));
  }
}

/** @param {string} text */
function code(text) {
  const made = qrcode(0, "M");
  made.addData(text);
  made.make();
  const count = made.getModuleCount();
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  let line = "";
  for (let row = 0; row < count; row += 1) for (let column = 0; column < count; column += 1) if (made.isDark(row, column)) line += `M${column} ${row}h1v1h-1z`;
  set(path, "d", line);
  set(drawn, "viewBox", `${-MARGIN} ${-MARGIN} ${count + 2 * MARGIN} ${count + 2 * MARGIN}`);
  set(drawn, "class", "qr");
  set(drawn, "role", "img");
  set(drawn, "aria-label", t("feed.qr"));
  drawn.append(path);
  return drawn;
}
