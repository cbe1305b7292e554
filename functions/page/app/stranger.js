/** A stranger's page: the way in. */

import { about, close, show, surround } from "./frame.js";
import { dressed } from "./panels.js";
import { load } from "./texts.js";
import { welcome } from "./welcome.js";

async function start() {
  const told = about();
  await Promise.all([load("welcome"), dressed()]);
  surround((api) => [api]);
  show("welcome", welcome(await told));
  close();
}

void start();
