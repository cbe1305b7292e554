/** What a stranger sees: what this does, and the way in. */

import { call } from "./api.js";
import { make } from "./dom.js";
import { email, form, password } from "./forms.js";
import { CLOSED } from "./hint.js";
import { logIn } from "./login.js";
import { bytes, t } from "./texts.js";
import { waves } from "./waves.js";

/** @typedef {"in" | "join" | "forgot"} Way */

/** @param {import("./types.js").About} about */
export function welcome(about) {
  const card = make("section", { class: "card ways" });
  /** @type {Record<Way, () => Node[]>} */
  const ways = {
    in: () => [
      form(t("in.button"), [email(), password(false)], async (given) => {
        await logIn(given["email"] ?? "", given["password"] ?? "");
        location.reload();
        await new Promise(() => {}); // so that nothing is sent again until then
      }),
      links(...(about.registration ? [/** @type {Way} */ ("join")] : []), "forgot"),
    ],
    join: () => [letter("join", "register", [email(), password(true)]), links("in")],
    forgot: () => [letter("forgot", "recover", [email()]), links("in")],
  };
  show("in", false);
  if (location.hash === CLOSED) {
    card.prepend(make("p", { role: "status" }, t("close.done")));
    history.replaceState(null, "", "./");
  }
  const size = bytes(about.upload_max_bytes);
  const facts = [t("fact.sound"), t("fact.formats"), t("fact.limits", { size, hours: Math.round(about.max_duration_seconds / 3600) }), t("fact.kept", { n: about.mp3_keep_days })];
  return make(
    "div",
    { class: "welcome" },
    make("section", {}, waves(), make("h1", {}, t("welcome.title")), make("p", { class: "lead" }, t("welcome.what")), make("ul", { class: "facts" }, ...facts.map((fact) => make("li", {}, fact)))),
    card,
  );

  /**
   * @param {Way} way
   * @param {boolean} [focus]
   */
  function show(way, focus = true) {
    card.replaceChildren(make("h2", {}, t(`${way}.title`)), ...ways[way]());
    if (focus) card.querySelector("input")?.focus();
  }

  /** @param {...Way} to */
  function links(...to) {
    return make("p", { class: "links" }, ...to.map((way) => make("button", { class: "quiet", type: "button", click: () => show(way) }, t(`to.${way}`))));
  }
}

/**
 * A form that is answered by a letter, whether or not there is such an account.
 *
 * @param {string} way
 * @param {string} path
 * @param {Node[]} fields
 */
const letter = (way, path, fields) =>
  form(t(`${way}.button`), fields, async (json) => {
    await call(`../login/${path}`, { method: "POST", json, lone: true });
    return t("letter");
  });
