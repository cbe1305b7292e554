/** Logging in. */

import { begin, email, renewed, tell } from "./session.js";

/**
 * Log in. Throws a Problem.
 *
 * @param {string} given
 * @param {string} password
 */
export async function logIn(given, password) {
  const former = email;
  await begin({ Authorization: basic(given, password) });
  tell(email);
  if (former && former !== email) location.reload();
  renewed();
}

/**
 * @param {string} given
 * @param {string} password
 */
export function basic(given, password) {
  const text = new TextEncoder().encode(`${given}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...text))}`;
}
