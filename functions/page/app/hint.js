/** Whether somebody was logged in last time: it tells which page is loaded before the service is asked. */

const HINT = "member";

export const wasHere = () => localStorage.getItem(HINT) === "yes";

export const remember = () => localStorage.setItem(HINT, "yes");

export const forget = () => localStorage.removeItem(HINT);

/** Where somebody is led whose account was deleted. */
export const CLOSED = "#closed";
