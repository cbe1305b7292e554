/** What the page's modules hand to each other. */

export type State = "uploading" | "queued" | "converting" | "done" | "failed";
export type Options = Record<string, string | number>;

/** A job, as functions/jobs/openapi.json has it. */
export interface Job {
  id: string;
  state: State;
  progress: number;
  filename: string;
  size?: number;
  options: Options;
  created: string;
  updated: string;
  mp3?: { size: number; duration: number; notes: string[]; expires?: string };
  error?: { code: string; title: string };
  mail: string;
  video_expires?: string;
  links: { self: string; download?: string; audio?: string; peaks?: string; chapters?: string };
  /** When this page heard of it: its link to the sound is good for an hour from then. */
  heard?: number;
}

/** What the service allows and offers, as the page function tells it. */
export interface About {
  upload_max_bytes: number;
  max_duration_seconds: number;
  video_keep_days: number;
  mp3_keep_days: number;
  link_ttl_days: number;
  registration: boolean;
}

export type Phase =
  | "waiting"
  | "reading"
  | "ready"
  | "sending"
  | "paused"
  | "offline"
  | "patient"
  | "refused"
  | "sent"
  | "cancelled";

/** One file on its way. */
export interface Upload {
  key: string;
  file: File;
  name: string;
  options: Options;
  phase: Phase;
  /** What is sent: the copied sound, or the file itself; null before that is known. */
  body: Blob | null;
  /** How much of the file has been read for its sound, from 0 to 1. */
  read: number;
  sent: number;
  began: number;
  tries: number;
  problem: import("./api.js").Problem | null;
  stop: AbortController;
  /** Whether it was cancelled when all of it was sent, so that its job is deleted once that is known. */
  unwanted: boolean;
  job: string;
}

/** Something a person can do to a row. */
export interface Deed {
  id: string;
  label: string;
  href?: string;
  primary?: boolean;
  /** Whether what it opens is open, for those that open something. */
  open?: boolean;
  run: (event: Event) => void;
}

/** What a row shows. */
export interface View {
  name: string;
  words: string;
  /** How far it is, from 0 to 1; null while nobody knows; undefined without a bar. */
  bar?: number | null;
  /** What stands behind the bar. */
  aside?: string;
  facts?: string;
  tone?: "bad" | "good";
  deeds: Deed[];
}

/** Texts by key; those that count have a form for each plural category. */
export type Texts = Record<string, string | Record<string, string>>;
