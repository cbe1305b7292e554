/** What a problem is in a sentence of the reader's language. */

import { span } from "./amounts.js";
import { has, language, loadRest, t } from "./texts.js";

/**
 * @param {import("./api.js").Problem} problem
 * @returns {Promise<string>}
 */
export const sentence = (problem) => of(problem.code, problem.message, problem.wait, problem.more["field"]);

/**
 * Return the sentence for a code: ours, because it can say what to do here; the service's for codes that are new.
 *
 * @param {string} code
 * @param {string} title
 * @param {number} [wait]
 * @param {string} [about] the field it is about, or `waits` for what goes on by itself: it is not asked to try again
 */
export async function of(code, title, wait = 0, about = "") {
  await loadRest();
  const key = [`problem.${code}.${about}`, `problem.${code}`].find(has);
  const option = has(`option.${about}`) ? t(`option.${about}`) : about;
  if (key) return t(key, { wait: span(wait || 60), option });
  return language === "en" && title ? title : t("problem.other", { code });
}
