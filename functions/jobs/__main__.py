"""The operator's command line, python -m functions.jobs, with the functions' settings."""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import UTC, datetime

from functions.backends import dead_letters, files, jobs, queue, recipients
from functions.backends.dead_letters import MP3S_DEAD, Letter
from functions.common import errors, states, transitions
from functions.common import log as logs
from functions.common.config import ConfigError
from functions.common.errors import Failure
from functions.jobs import actions, arguments, dead

_log = logging.getLogger("functions.jobs")

_NOTHING_TO_RETRY = {
    transitions.RECEIVING: "The video is still being uploaded, so there is nothing to convert again.",
    transitions.CONVERTING: "The job is being converted right now, so there is nothing to convert again.",
    transitions.DONE: "The job is done, so there is nothing to convert again.",
    transitions.ABORTED: "The upload ended before the whole video arrived. Upload it again.",
}
_SENTENCES = {
    errors.NOT_FOUND: "No job has this id, or it was deleted.",
    errors.NOT_ENDED: "The job has not ended yet. Its mail and webhook are sent once it has.",
    errors.NO_LINK: "The video is still being uploaded, so there is no link to its MP3.",
    errors.VIDEO_EXPIRED: "The video has expired and was deleted. Upload it again.",
    errors.UNAVAILABLE: "MongoDB, RabbitMQ or MySQL is unavailable. Nothing was lost; run the command again later.",
}


def main() -> int:
    """Run one command; return the exit status: 0 for success, 1 for failure, 2 for wrong arguments."""
    options = arguments.parser("python -m functions.jobs").parse_args()
    logs.setup("jobs", "WARNING")
    try:
        return _ACTIONS[options.action](options)
    except ConfigError as error:
        message = f"cannot start: {error}"
    except Failure as failure:
        if failure.__cause__:
            _log.error("not done", extra={"code": failure.kind.code, "cause": repr(failure.__cause__)})
        message = _sentence(failure)
    print(message, file=sys.stderr)
    return 1


def _dead(options: argparse.Namespace) -> int:
    found, more = dead.entries(dead_letters.connect(), jobs.connect())
    if not found:
        print("No dead letters.")
        return 0
    print(_row("JOB", "ITS STATE", "LETTER IN", "REASON", "SINCE", "CONTENT"))
    for entry in found:
        letter = entry.letter
        print(
            _row(
                letter.job_id or "none",
                _state(entry),
                letter.queue,
                _plain(letter.reason),
                _time(letter.died_at),
                "" if letter.job_id else _content(letter),
            )
        )
    if more:
        print(f"and {more} more")
    return 0


def _replay(options: argparse.Namespace) -> int:
    def report(letter: Letter, what: str) -> None:
        print(f"{letter.job_id or 'none':36}  {letter.queue:11}  {what}", flush=True)

    count = dead.replay(
        options.id, letters=dead_letters.connect(), jobs=jobs.connect(), queue=queue.connect(), report=report
    )
    if not count and options.id:
        print("There is no dead letter for this job.", file=sys.stderr)
        return 1
    print(f"Dead letters replayed and dropped: {count}.")
    return 0


def _retry(options: argparse.Namespace) -> int:
    queued = actions.retry(options.id, owner=None, jobs=jobs.connect(), queue=queue.connect())
    _print_queued(queued, queued.job.get("retry_at"))
    return 0


def _mail(options: argparse.Namespace) -> int:
    queued = actions.send_mail(options.id, owner=None, jobs=jobs.connect(), queue=queue.connect())
    _print_queued(queued, queued.job["mail"].get("retry_at"))
    return 0


def _webhook(options: argparse.Namespace) -> int:
    queued = actions.send_webhook(
        options.id, owner=None, jobs=jobs.connect(), queue=queue.connect(), address=recipients.address_of
    )
    _print_queued(queued, queued.job["webhook"].get("retry_at"))
    return 0


def _print_queued(queued: actions.Queued, later: datetime | None) -> None:
    if later and later > datetime.now(UTC):
        print(f"Queued until {_time(later)}, because the last attempt failed for a temporary reason.")
    elif queued.announced:
        print("Queued and announced.")
    else:
        print("Queued. RabbitMQ is unavailable, so sweep will announce the job later.")


def _revoke(options: argparse.Namespace) -> int:
    actions.revoke_links(options.id, owner=None, jobs=jobs.connect())
    print("Revoked. A new mail has a link that works.")
    return 0


def _delete(options: argparse.Namespace) -> int:
    actions.delete(options.id, owner=None, jobs=jobs.connect(), files=files.connect())
    print("Deleted.")
    return 0


_ACTIONS = {
    "dead": _dead,
    "replay": _replay,
    "retry": _retry,
    "mail": _mail,
    "webhook": _webhook,
    "revoke": _revoke,
    "delete": _delete,
}


def _sentence(failure: Failure) -> str:
    if failure.kind is errors.NOT_FAILED:
        return _NOTHING_TO_RETRY[failure.more["state"]]
    return _SENTENCES.get(failure.kind, failure.kind.title)


def _row(*cells: str) -> str:
    return "{:36}  {:21}  {:11}  {:14}  {:20}  {}".format(*cells).rstrip()


def _state(entry: dead.Entry) -> str:
    letter, job = entry.letter, entry.job
    if letter.job_id is None:
        return "poison"
    if job is None:
        return "gone"
    state = states.public(job["state"])
    return f"{state}, mail {job['mail']['state']}" if letter.queue == MP3S_DEAD else state


def _content(letter: Letter) -> str:
    return f"{letter.length} bytes: {_plain(letter.beginning.decode(errors='replace'))}"


def _plain(text: str) -> str:
    """Return untrusted text without control characters, which could change the terminal."""
    return ascii(text)[1:-1]


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z" if moment else "unknown"


if __name__ == "__main__":
    sys.exit(main())
