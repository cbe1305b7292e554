"""secantusd, which exits when its storage engine panics, like mongod does: only a new process can recover."""

import logging
import os
import sys

from secantus.cli import main

PANIC = "WT_PANIC"
EXIT_STATUS = 14  # mongod's in this case


class EndOnPanic(logging.Handler):
    """Ends the process when a logged error says that the engine panicked, for example because the disk is full."""

    def emit(self, record: logging.LogRecord) -> None:
        """Check one log record."""
        if record.exc_info and PANIC in str(record.exc_info[1]):
            os._exit(EXIT_STATUS)


if __name__ == "__main__":
    logging.getLogger("secantus").addHandler(EndOnPanic())
    sys.exit(main())
