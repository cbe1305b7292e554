/** What one visit leaves for the next: whether a member was here, which decides what is loaded first, and how they left. */

const HINT = "member";

export const wasHere = () => localStorage.getItem(HINT) === "yes";

export const remember = () => localStorage.setItem(HINT, "yes");

export const forget = () => localStorage.removeItem(HINT);

/** The fragment that says that an account was deleted. */
export const CLOSED = "#closed";
