"""Run a command, and end as a command should: with a sentence instead of a traceback, and a status that counts."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from mp3converter_client import arguments, commands, program, settings, show
from mp3converter_client.convert import INTERRUPTED
from mp3converter_client.failure import Failure, Wrong
from mp3converter_client.login import DEFAULT_URL

_BROKEN_PIPE = 141  # as a shell reports SIGPIPE


def main(words: Sequence[str] | None = None, called: str = "mp3", default_url: str = DEFAULT_URL) -> int:
    """Run a command line, and return the exit status."""
    program.name = called
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be in any encoding
    parser = arguments.parser(called)
    options = parser.parse_args(words)
    try:
        status = commands.run(options, os.environ, default_url)
        sys.stdout.flush()
        return status
    except Wrong as wrong:
        parser.exit(2, f"{called}: {show.text(str(wrong))}\n")
    except Failure as failure:
        print(show.text(failure.sentence), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except EOFError:  # Ctrl-D instead of an address
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it exits
        return _BROKEN_PIPE
    except OSError as error:
        print(show.text(f"{error.filename or called}: {settings.reason(error)}."), file=sys.stderr)
        return 1
