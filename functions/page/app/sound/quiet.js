/** What mediabunny finds unusual is sent whole, and is nothing for the console. */

import { LogLevel, Logging } from "mediabunny";

Logging.level = LogLevel.Silent;
