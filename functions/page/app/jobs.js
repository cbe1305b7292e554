/** Jobs, as the list shows them. */

/** @import {Job} from "./types.js" */

import { call } from "./api.js";

const PAGE = 20;

/**
 * Return a page of the list, newest first, and where the next one begins.
 *
 * @param {{text?: string, after?: string, limit?: number}} wanted
 * @returns {Promise<{jobs: Job[], next: string}>}
 */
export async function page({ text = "", after = "", limit = PAGE }) {
  const query = new URLSearchParams({ limit: String(limit), ...(text && { q: text }), ...(after && { after }) });
  const answer = await call(`../jobs?${query}`);
  const { jobs } = await answer.json();
  const next = /<([^>]*)>;\s*rel="?next"?/.exec(answer.headers.get("Link") ?? "")?.[1];
  return { jobs: jobs.map(heard), next: (next && new URL(next, location.href).searchParams.get("after")) || "" };
}

/** @param {Job} job @returns {Job} with the time from which its link counts */
export const heard = (job) => ({ ...job, heard: Date.now() });

/** @param {string} id @returns {Promise<Job>} */
export const one = async (id) => heard(await (await call(`../jobs/${id}`)).json());

/**
 * Return the address of a job's sound for elements that cannot say who asks, or nothing if it is too old.
 *
 * @param {Job} job
 */
export function sound(job) {
  const signed = job.links.audio && new URL(job.links.audio).searchParams.get("link");
  return signed ? `../download?${new URLSearchParams({ link: signed })}` : "";
}

const FRESH_MILLISECONDS = 50 * 60_000; // a link is good for an hour

/** @param {Job} job */
export const isFresh = (job) => Date.now() - (job.heard ?? 0) < FRESH_MILLISECONDS;
