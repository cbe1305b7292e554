/** Start the worker that copies the sound out of a video. */

// A worker's address is a place where a script could be injected, so browsers want to know who made it.
const policy = globalThis.trustedTypes?.createPolicy("sound-worker", {
  createScriptURL: () => new URL(SOUND_WORKER, import.meta.url).href,
});

/** Return a new worker. The caller ends it. */
export function start() {
  const address = policy?.createScriptURL("") ?? new URL(SOUND_WORKER, import.meta.url).href;
  return new Worker(/** @type {string} */ (/** @type {unknown} */ (address)), { type: "module" });
}
