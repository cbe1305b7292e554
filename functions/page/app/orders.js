/** What a person wants done with a job. */

/** @import {Job, Options} from "./types.js" */

import { call } from "./api.js";
import { heard } from "./jobs.js";

/** @param {string} id */
export const remove = (id, keepalive = false) => call(`../jobs/${id}`, { method: "DELETE", keepalive });

/**
 * @param {string} id
 * @param {Options} options
 * @returns {Promise<Job>}
 */
export const again = async (id, options) => heard(await (await call(`../jobs/${id}/retry`, { method: "POST", json: options })).json());

/** @param {string} id @returns {Promise<Job>} */
export const mail = async (id) => heard(await (await call(`../jobs/${id}/mail`, { method: "POST" })).json());

/**
 * @param {string} id
 * @param {number} days
 * @returns {Promise<{url: string, expires: string}>}
 */
export const link = async (id, days) => (await call(`../jobs/${id}/link`, { method: "POST", json: { days } })).json();

/** @param {string} id */
export const endLinks = (id) => call(`../jobs/${id}/link`, { method: "DELETE" });
