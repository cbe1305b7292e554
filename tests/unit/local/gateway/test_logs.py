"""A log for OpenFaaS's client: the lines wanted, followed over rotations, for a limited time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.gateway import logs
from local.gateway.logs import Asked

LABELS = {"name": "login", "namespace": "openfaas-fn", "instance": "login"}
ALL = Asked(0, None, False)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def line(second: int) -> str:
    """Return a line of a function's log."""
    return json.dumps({"time": f"2026-05-01T12:00:{second:02}.000Z", "message": f"line {second}"}) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A log of three lines, of which one has no time, and the beginning of a fourth."""
    found = tmp_path / "login.log"
    found.write_text(line(1) + "Traceback\n" + line(3) + "{")
    return found


def texts(file: Path, asked: Asked) -> list[Any]:
    """Return the texts of all messages."""
    return [message["text"] for message in parsed(logs.messages(file, LABELS, asked))]


def parsed(found: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Yield messages without pauses between them."""
    return (json.loads(text) for text in found if text != logs.PAUSE)


def seen(*lines: str) -> list[str]:
    """Return lines without their ends."""
    return [text.rstrip("\n") for text in lines]


def test_every_complete_line_is_a_message(file: Path) -> None:
    found = list(parsed(logs.messages(file, LABELS, ALL)))
    assert [message["text"] for message in found] == seen(line(1), "Traceback", line(3))
    assert [message.items() >= LABELS.items() for message in found] == [True] * 3
    seconds = [datetime.fromisoformat(message["timestamp"]).second for message in found]
    assert seconds == [1, 1, 3]


@pytest.mark.parametrize("text", ["no time\n", '{"time": 5}\n', "[]\n", '{"time": "noon"}\n', "\udcff\n"])
def test_a_first_line_without_a_time_has_that_of_the_file(text: str, file: Path) -> None:
    file.write_text(text, errors="surrogateescape")
    (message,) = parsed(logs.messages(file, LABELS, ALL))
    assert datetime.fromisoformat(message["timestamp"]).timestamp() == pytest.approx(file.stat().st_mtime, abs=1e-3)


@pytest.mark.parametrize(("tail", "first"), [(1, 2), (2, 1), (3, 0), (4, 0), (sys.maxsize, 0)])
def test_the_last_lines(tail: int, first: int, file: Path) -> None:
    assert texts(file, Asked(tail, None, False)) == texts(file, ALL)[first:]


def test_the_lines_since_a_time(file: Path) -> None:
    assert texts(file, Asked(0, NOON.replace(second=2), False)) == seen(line(3))
    assert texts(file, Asked(0, NOON.replace(second=3), False)) == seen(line(3))
    assert texts(file, Asked(0, NOON.replace(second=4), False)) == []
    assert texts(file, Asked(2, NOON.replace(second=1), False)) == seen("Traceback", line(3))


def test_a_file_is_followed_over_its_rotation(file: Path) -> None:
    found = parsed(logs.messages(file, LABELS, Asked(1, None, True)))
    assert next(found)["text"] == seen(line(3))[0]
    with file.open("a", buffering=1) as old:
        old.write('"half": 1}\n')
        assert next(found)["text"] == '{"half": 1}'
        file.rename(file.with_suffix(".log.1"))
        old.write(line(5))
    assert next(found)["text"] == seen(line(5))[0]
    file.write_text(line(6))
    assert next(found)["text"] == seen(line(6))[0]


def test_following_ends(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FOLLOW_SECONDS", 0.5)
    monkeypatch.setattr(logs, "POLL_SECONDS", 0.1)
    found = list(logs.messages(file, LABELS, Asked(0, None, True)))
    assert found.count(logs.PAUSE) >= 2
    assert len([text for text in found if text != logs.PAUSE]) == 3


def test_a_client_that_leaves_closes_the_file(file: Path) -> None:
    found = logs.messages(file, LABELS, Asked(0, None, True))
    next(found)
    held = [opened for opened in Path("/proc/self/fd").iterdir() if opened.exists() and opened.samefile(file)]
    assert len(held) == 1
    found.close()  # type: ignore[attr-defined] # as gunicorn does once it cannot write
    assert not held[0].exists() or not held[0].samefile(file)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, ALL),
        ({"name": "login", "tail": "", "since": "", "follow": ""}, ALL),
        ({"tail": "-1", "follow": "false"}, ALL),
        ({"tail": "9" * 30}, Asked(sys.maxsize, None, False)),
        ({"tail": "5", "since": "2026-05-01T14:00:00+02:00", "follow": "true"}, Asked(5, NOON, True)),
        ({"since": "2026-05-01T12:00:00Z", "follow": "1"}, Asked(0, NOON, True)),
    ],
)
def test_a_query_is_read_as_the_clients_write_it(query: dict[str, str], asked: Asked) -> None:
    assert Asked.of(query) == asked
