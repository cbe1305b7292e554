/** The first script: whether a member's page or a stranger's is loaded, each of them one file. */

import { wasHere } from "./hint.js";

void import(wasHere() ? MEMBER : STRANGER);
