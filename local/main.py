"""Run a command, after local/install.py has installed what it needs."""

import importlib
import sys

from local import arguments
from local.problem import Problem


def main() -> int:
    """Run one command; errors that the user can fix end with a sentence, not a traceback."""
    command, *rest = sys.argv[1:]
    options = arguments.parse(command, rest)
    try:
        return int(importlib.import_module(f"local.commands.{command.replace('/', '_')}").run(options))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
