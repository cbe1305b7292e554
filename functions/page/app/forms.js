/** Forms: fields with labels, one button, and what went wrong beside it. */

import { Problem } from "./api.js";
import { make, say, set } from "./dom.js";
import { sentence } from "./problems.js";
import { t } from "./texts.js";

/**
 * @param {string} label
 * @param {Record<string, string | number | boolean>} given
 * @param {string} [hint]
 */
export function field(label, given, hint) {
  const input = make("input", { required: true, ...given, id: `f-${given["name"]}` });
  const said = hint ? make("small", { id: `${input.id}-hint` }, hint) : null;
  if (said) set(input, "aria-describedby", said.id);
  return make("p", { class: "field" }, make("label", { for: input.id }, label), input, said);
}

/**
 * Make a form. While it works its button rests; a Problem becomes a sentence that is read out.
 *
 * @param {string} button
 * @param {Node[]} content
 * @param {(values: Record<string, string>) => Promise<string | void>} work returns what to say when it is done
 */
export function form(button, content, work) {
  const says = make("p", { class: "said", role: "alert" });
  const sends = make("button", {}, button);
  const made = make("form", { submit }, ...content, says, make("p", {}, sends));
  return made;

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    if (sends.getAttribute("aria-disabled")) return;
    set(sends, "aria-disabled", "true");
    say(says, "");
    try {
      const values = Object.fromEntries([...new FormData(made)].map(([name, value]) => [name, String(value)]));
      say(says, (await work(values)) ?? "");
      set(says, "class", "said good");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      set(says, "class", "said bad");
      say(says, await sentence(error));
      const last = [...made.querySelectorAll("input")].at(-1);
      last?.focus();
      last?.select();
    } finally {
      set(sends, "aria-disabled", undefined);
    }
  }
}

/**
 * @param {boolean} fresh whether it is one that is being chosen
 * @param {string} [label]
 */
export const password = (fresh, label = t("field.password")) =>
  field(
    label,
    { name: "password", type: "password", autocomplete: fresh ? "new-password" : "current-password", minlength: fresh ? 8 : 1 },
    fresh ? t("field.password.hint") : undefined,
  );

/** Whose password it is, for programs that keep passwords. @param {string} value */
export const whose = (value) => make("input", { type: "email", autocomplete: "username", hidden: true, readonly: true, value });

export const email = () =>
  field(t("field.email"), { name: "email", type: "email", autocomplete: "username", inputmode: "email", spellcheck: "false" });
