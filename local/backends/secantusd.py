"""secantusd, ended by its storage engine's panic as mongod is: a new process recovers, the old one never would."""

import logging
import os
import sys

from secantus.cli import main

PANIC = "WT_PANIC"
EXIT_STATUS = 14  # the one that mongod ends with then


class EndOnPanic(logging.Handler):
    """Ends the process when an error tells that the engine has panicked, for example on a full disk."""

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line of the log."""
        if record.exc_info and PANIC in str(record.exc_info[1]):
            os._exit(EXIT_STATUS)


if __name__ == "__main__":
    logging.getLogger("secantus").addHandler(EndOnPanic())
    sys.exit(main())
