"""The commands, once all they need is installed."""

import importlib
import sys

from local import arguments
from local.problem import Problem


def main() -> int:
    """Run one command; what a person can put right ends as a sentence, not as a traceback."""
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
