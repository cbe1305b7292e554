"""Run a command, after local/install.py has installed what it needs."""

import importlib
import os
import sys

from local import arguments
from local.problem import Problem


def main() -> int:
    """Run one command; errors that the user can fix end with a sentence, not a traceback."""
    command, *rest = sys.argv[1:]
    options = arguments.parse(command, rest)
    try:
        status = int(importlib.import_module(f"local.commands.{command.replace('/', '_')}").run(options))
        sys.stdout.flush()
        return status
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it exits
        return 141  # as a shell reports SIGPIPE


if __name__ == "__main__":
    sys.exit(main())
