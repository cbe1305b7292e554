"""The arguments of the operator's command line, and its help; ./local/jobs parses them before it installs anything."""

from __future__ import annotations

import argparse

from functions.common import ids


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the command line, with this program's name in its messages."""
    found = argparse.ArgumentParser(
        prog=program,
        allow_abbrev=False,
        description="List and replay dead letters, convert a failed job again, send its mail or webhook again, revoke "
        "its links, delete a job.",
        epilog="Needs MONGODB_URL and RABBITMQ_URL, or MONGODB_URL_FILE and RABBITMQ_URL_FILE, and the same periods as "
        "the functions. Without them ./local/jobs uses the local system.",
    )
    actions = found.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, meaning: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=meaning, description=meaning, allow_abbrev=False)

    action("dead", "list the dead letters: events that could not be delivered")
    replay = action("replay", "do what the dead letters' events were for, then drop the letters")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", type=_job_id, metavar="ID", help="the letters of this job")
    which.add_argument(
        "--all",
        action="store_true",
        help="all letters; poison is dropped, and jobs that failed because of their video are left alone",
    )
    for name, meaning in (
        ("retry", "convert a failed job again; if it is queued already, announce it again"),
        ("mail", "send the mail of an ended job again, for example after it was given up"),
        ("webhook", "send the webhook of an ended job again, with the same id"),
        ("revoke", "let no link to a job's MP3 work any more that was sent until now"),
        ("delete", "delete a job and its files, in any state"),
    ):
        action(name, meaning).add_argument("id", type=_job_id, metavar="ID", help="the job's id, as upload answered it")
    return found


def _job_id(text: str) -> str:
    if not ids.is_id(text):
        raise argparse.ArgumentTypeError("an id looks like 376b7472-1f38-4307-b0c5-8df8aa6286ed")
    return text
