"""The command line: commands, options, and their help; it needs only the standard library."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial

from mp3converter_client import __version__, options

PATIENCE_SECONDS = 300.0
AT_ONCE = 3
LISTED = 20
_STATES = ("uploading", "queued", "converting", "done", "failed")
_EPILOG = """\
Programs set MP3_URL, and MP3_TOKEN or MP3_KEY, or files that hold them: MP3_KEY_FILE=PATH.
Exit status: 0 all is done, 1 something failed (a sentence on standard error says what), 2 wrong usage, 130 Ctrl-C.
"""


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog=program, description="Turn videos into MP3s.", epilog=_EPILOG, formatter_class=raw, allow_abbrev=False
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (meaning, add) in _COMMANDS.items():
        description = f"{meaning[0].upper()}{meaning[1:]}."
        add(commands.add_parser(name, help=meaning, description=description, allow_abbrev=False))
    return made


def given_options(parsed: argparse.Namespace) -> dict[str, str]:
    """Return the options of the conversion that are given."""
    return {name: value for name in options.known() if (value := getattr(parsed, f"option_{name}")) is not None}


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        help="the service: https://HOST, https://HOST/function with OpenFaaS, or https://{function}.HOST with a host "
        "for each function; default: MP3_URL, else where you were logged in, else this machine",
    )


def _logout(_: argparse.ArgumentParser) -> None:
    pass


def _convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a video, or other sound that ffmpeg reads")
    _into(parser, "default: beside each video")
    parser.add_argument("--jobs", type=_count, default=AT_ONCE, metavar="N", help=f"files at once; default: {AT_ONCE}")
    parser.add_argument("--skip-existing", action="store_true", help="leave out files whose MP3 is there")
    parser.add_argument("--webhook", metavar="URL", help="an https address that is told when a job has ended")
    _patience(parser)
    _options(parser)
    parser.usage = f"{parser.prog} FILE ... [-o DIR] [OPTION ...]"


def _list(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--limit", type=_count, default=LISTED, metavar="N", help=f"how many; default: {LISTED}")
    which.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument(
        "--state", type=_states, metavar="STATE,…", help=f"only those in these states: {', '.join(_STATES)}"
    )
    parser.add_argument("-q", "--name", metavar="TEXT", help="only those with this in the file name")
    _json(parser)


def _get(parser: argparse.ArgumentParser) -> None:
    _ids(parser)
    _into(parser, "default: the current folder")
    parser.add_argument(
        "--jobs", type=_count, default=AT_ONCE, metavar="N", help=f"downloads at once; default: {AT_ONCE}"
    )
    _patience(parser)


def _delete(parser: argparse.ArgumentParser) -> None:
    _ids(parser)
    _json(parser)


def _retry(parser: argparse.ArgumentParser) -> None:
    _ids(parser)
    _json(parser)
    _options(parser)
    parser.usage = f"{parser.prog} ID ... [OPTION ...]"


def _watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="jobs; without any, all of yours, until Ctrl-C")
    _json(parser)
    _patience(parser)


def _ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="the id of a job, as mp3 list shows it")


def _into(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        help=f"the folder for MP3s, or the file if there is one and it ends in .mp3; {otherwise}",
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist; without it, none ever is")
    _json(parser)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object in a line for each")


def _patience(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait in all while the service is busy or away; default: {PATIENCE_SECONDS:.0f}",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the MP3 should be like")
    for name, about in options.known().items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"option_{name}",
            type=partial(_option, name),
            metavar=f"{about['example']}",
            help=about["description"].replace("%", "%%"),
        )


def _option(name: str, text: str) -> str:
    if allowed := options.fault(name, text):
        raise argparse.ArgumentTypeError(f"it takes {allowed}")
    return text


def _states(text: str) -> str:
    if not set(text.split(",")) <= set(_STATES):
        raise argparse.ArgumentTypeError(f"states are {', '.join(_STATES)}, with commas between them")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds")
    return seconds


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "login": ("ask for your address and password, and keep a key for the other commands", _login),
    "logout": ("revoke the key, and forget it", _logout),
    "convert": ("upload videos, wait, and download their MP3s", _convert),
    "list": ("show your jobs, newest first", _list),
    "get": ("download the MP3s of jobs, once they are done", _get),
    "delete": ("delete jobs, with their videos and MP3s", _delete),
    "retry": ("convert videos again, with other options if some are given", _retry),
    "watch": ("show jobs as they change, until they have ended", _watch),
}
