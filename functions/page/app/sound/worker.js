/** The worker that copies the sound out of a video. */

self.onmessage = () => {
  throw new Error("Nothing is copied yet.");
};
