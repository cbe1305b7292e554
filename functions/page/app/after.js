/** What a member's page needs once its first view stands: loaded then, all at once, so that nothing waits for it. */

export { announce } from "./announce.js";
export { inside, isMedia } from "./folders.js";
export { leave } from "./leaving.js";
export { follow } from "./live.js";
export { send } from "./outgoing.js";
export { of } from "./problems.js";
export { title } from "./title.js";

void import("./toast.js"); // at hand when the connection is lost
