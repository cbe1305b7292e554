"""The operator's command line: its output, its errors, and its exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from functions.backends import dead_letters, files, jobs, queue
from functions.backends.dead_letters import MP3S_DEAD, VIDEOS_DEAD, Letter
from functions.common import config, ids, transitions
from functions.common.errors import UNAVAILABLE, Failure
from functions.jobs import __main__ as command
from tests.integration import states
from tests.integration.states import PERIODS
from tests.unit import process_logging
from tests.unit.in_memory import MemoryLetters, System

UNKNOWN = "abcdef00-0000-4000-8000-000000000000"
DIED = datetime(2026, 5, 1, 12, 30, 15, 999_000, tzinfo=UTC)
HEAD = (
    "JOB                                   ITS STATE              LETTER IN    REASON          SINCE                 "
    "CONTENT"
)

Run = Callable[..., int]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """A system that the command connects to, without dead letters."""
    made = System()
    monkeypatch.setattr(jobs, "connect", lambda: made.jobs)
    monkeypatch.setattr(files, "connect", lambda: made.files)
    monkeypatch.setattr(queue, "connect", lambda: made.queue)
    monkeypatch.setattr(dead_letters, "connect", lambda: MemoryLetters([]))
    return made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command line; its changes to logging are undone."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["jobs", *words])
        return command.main()

    with process_logging.restored():
        yield run


def test_letters_are_shown_in_columns(
    system: System, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text from users cannot control the terminal."""
    waiting, ended = states.ready(system.sweeper), states.finished(system.sweeper)
    letters = [
        Letter(VIDEOS_DEAD, waiting, "rejected", DIED, b"{", 100),
        Letter(MP3S_DEAD, ended, "delivery_limit", None, b"{", 100),
        Letter(VIDEOS_DEAD, UNKNOWN, "rejected", None, b"{", 100),
        Letter(MP3S_DEAD, None, "\x1b[2J", None, b"\x1b]0;\xff\n", 2000),
    ]
    monkeypatch.setattr(dead_letters, "connect", lambda: MemoryLetters(letters))
    assert run("dead") == 0
    assert capsys.readouterr().out.splitlines() == [
        HEAD,
        f"{waiting}  queued                 videos.dead  rejected        2026-05-01 12:30:15Z",
        f"{ended}  done, mail none        mp3s.dead    delivery_limit  unknown",
        f"{UNKNOWN}  gone                   videos.dead  rejected        unknown",
        f"{'none':36}  poison                 mp3s.dead    \\x1b[2J         unknown               "
        "2000 bytes: \\x1b]0;\\ufffd\\n",
    ]


def test_letters_that_are_not_shown_are_counted(
    system: System, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [Letter(VIDEOS_DEAD, None, "rejected", None, b"", 0)] * 1003
    monkeypatch.setattr(dead_letters, "connect", lambda: MemoryLetters(letters))
    assert run("dead") == 0
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-1]) == (1002, "and 3 more")


def test_without_letters(system: System, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dead") == 0
    assert capsys.readouterr().out == "No dead letters.\n"
    assert run("replay", "--all") == 0
    assert capsys.readouterr().out == "Dead letters replayed and dropped: 0.\n"
    assert run("replay", UNKNOWN) == 1
    assert capsys.readouterr().err == "There is no dead letter for this job.\n"


def test_each_replayed_letter_is_printed(
    system: System, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = states.ready(system.sweeper)
    letters = MemoryLetters(Letter(VIDEOS_DEAD, each, "rejected", None, b"", 0) for each in (waiting, None))
    monkeypatch.setattr(dead_letters, "connect", lambda: letters)
    assert run("replay", waiting) == 0
    assert run("replay", "--all") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{waiting}  videos.dead  queued",
        "Dead letters replayed and dropped: 1.",
        f"{'none':36}  videos.dead  poison: not an event of this system",
        "Dead letters replayed and dropped: 1.",
    ]


def test_a_retry_says_when_the_job_is_converted(system: System, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    postponed, due = states.converting(system.sweeper), states.converting(system.sweeper)
    for job_id, year in ((postponed, 2099), (due, 1999)):
        moment = datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC)
        states.take(system.sweeper, transitions.POSTPONE, job_id, epoch=1, retry_at=moment)
    failed, other = states.failed(system.sweeper), states.failed(system.sweeper)
    for job_id in (postponed, due, failed):
        assert run("retry", job_id) == 0
    system.queue.down = True
    assert run("retry", other) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Queued until 2099-01-02 03:04:05Z, because the last attempt failed for a temporary reason.",
        "Queued and announced.",
        "Queued and announced.",
        "Queued. RabbitMQ is unavailable, so sweep will announce the job later.",
    ]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("receiving", "The video is still being uploaded, so there is nothing to convert again."),
        ("converting", "The job is being converted right now, so there is nothing to convert again."),
        ("done", "The job is done, so there is nothing to convert again."),
        ("aborted", "The upload ended before the whole video arrived. Upload it again."),
    ],
)
def test_a_refused_retry_has_a_reason(
    state: str, sentence: str, system: System, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("retry", states.IN_STATE[state](system.sweeper)) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


def test_a_mail_is_sent_again(system: System, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    given_up, postponed = (states.finished(system.sweeper) for _ in range(2))
    states.mailed(system.sweeper, given_up, "failed")
    states.take(system.sweeper, transitions.CLAIM_MAIL, postponed, run=1, token="t")
    later = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
    states.take(system.sweeper, transitions.POSTPONE_MAIL, postponed, token="t", retry_at=later)
    for job_id in (given_up, postponed):
        assert run("mail", job_id) == 0
    assert run("mail", states.converting(system.sweeper)) == 1
    assert run("mail", states.mailed(system.sweeper, states.finished(system.sweeper), "claimed")) == 1
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "Queued and announced.",
        "Queued until 2099-01-02 03:04:05Z, because the last attempt failed for a temporary reason.",
    ]
    assert output.err.splitlines() == [
        "The job has not ended yet. Its mail and webhook are sent once it has.",
        "This mail is being sent right now.",
    ]


def test_links_are_revoked(system: System, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = states.done(system.sweeper)
    assert run("revoke", done) == 0
    assert system.document(done)["link_version"] == 1
    assert run("revoke", states.received(system.sweeper)) == 1
    assert run("revoke", UNKNOWN) == 1
    output = capsys.readouterr()
    assert output.out == "Revoked. A new mail has a link that works.\n"
    assert output.err.splitlines() == [
        "The video is still being uploaded, so there is no link to its MP3.",
        "No job has this id, or it was deleted.",
    ]


def test_expired_and_unknown_jobs(system: System, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = states.failed(system.sweeper)
    system.clock.advance(days=PERIODS.video_keep_days)
    states.take(system.sweeper, transitions.EXPIRE_VIDEO, job_id, epoch=1)
    assert run("retry", job_id) == 1
    assert run("delete", job_id) == 0
    assert run("delete", job_id) == 1
    output = capsys.readouterr()
    assert output.out == "Deleted.\n"
    assert output.err.splitlines() == [
        "The video has expired and was deleted. Upload it again.",
        "No job has this id, or it was deleted.",
    ]


def test_an_unavailable_server_is_reported_and_logged(
    system: System, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Down(MemoryLetters):
        def each(self, settled: Callable[[Letter], bool]) -> None:
            raise Failure(UNAVAILABLE) from OSError("refused")

    monkeypatch.setattr(dead_letters, "connect", lambda: Down([]))
    assert run("dead") == 1
    logged, sentence = capsys.readouterr().err.splitlines()
    assert sentence == "MongoDB, RabbitMQ or MySQL is unavailable. Nothing was lost; run the command again later."
    assert (json.loads(logged)["code"], json.loads(logged)["cause"]) == ("unavailable", "OSError('refused')")


def test_a_wrong_setting_is_reported(
    system: System, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect() -> None:
        raise config.ConfigError("MONGODB_URL is missing: where MongoDB is")

    monkeypatch.setattr(jobs, "connect", connect)
    assert run("delete", ids.new()) == 1
    assert capsys.readouterr().err == "cannot start: MONGODB_URL is missing: where MongoDB is\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["replay"],
        ["replay", "--al"],
        ["replay", UNKNOWN, "--all"],
        ["replay", "x"],
        ["retry"],
        ["retry", UNKNOWN.upper()],
        ["retry", f"{UNKNOWN}.1"],
        ["delete", UNKNOWN, UNKNOWN],
        ["delete", "--all"],
        ["dead", UNKNOWN],
        ["purge"],
    ],
    ids=" ".join,
)
def test_the_exit_status_of_an_invalid_command_line(words: list[str], system: System, run: Run) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
