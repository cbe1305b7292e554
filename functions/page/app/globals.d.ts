// What build.mjs fills in.

/** The hashed name of the worker in sound/worker.js. */
declare const SOUND_WORKER: string;

/** The addresses of member.js and stranger.js. */
declare const MEMBER: string;
declare const STRANGER: string;

interface TrustedTypePolicy {
  createHTML(text: string): string;
  createScriptURL(address: string): string;
}

interface TrustedTypePolicyFactory {
  createPolicy(name: string, rules: Partial<TrustedTypePolicy>): TrustedTypePolicy;
}

// What the page uses of it; TypeScript's own libraries do not have it yet, and neither does every browser.
declare var trustedTypes: TrustedTypePolicyFactory | undefined;
