/** What a problem is in a sentence of the reader's language. */

import { span } from "./amounts.js";
import { has, language, loadRest, t } from "./texts.js";

/**
 * @param {import("./api.js").Problem} problem
 * @returns {Promise<string>}
 */
export const sentence = (problem) => of(problem.code, problem.message, problem.wait, problem.more["allowed"]);

/**
 * Return the sentence for a code: ours, because it can say what to do here; the service's for codes that are new.
 *
 * @param {string} code
 * @param {string} title
 * @param {number} [wait]
 * @param {string} [allowed]
 */
export async function of(code, title, wait = 0, allowed = "") {
  await loadRest();
  const key = `problem.${code}`;
  if (has(key)) return t(key, { wait: span(wait || 60), allowed });
  return language === "en" && title ? title : t("problem.other", { code });
}
