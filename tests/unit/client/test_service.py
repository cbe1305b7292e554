"""Requests: what is tried again and for how long, and what refusals say."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from mp3converter_client.failure import Failure
from tests.unit.client.conftest import service
from tests.unit.client.scripted import UNANSWERED, Line, playing, problem, said


def test_only_waits_of_the_client_are_noted(waits: list[float]) -> None:
    time.sleep(0)
    assert waits == []


def test_retry_after_is_waited_for(waits: list[float]) -> None:
    said_meanwhile: list[str] = []
    busy = problem(503, "busy", "Too many requests.", Retry_After="7")
    with playing(busy, problem(429, "too_many_transfers"), Line(408), said({"a": 1})) as script:
        found = service(script.url).json("GET", "upload", "usage", say=said_meanwhile.append)
    assert found == {"a": 1}
    assert waits == [7, 2, 4], "as long as the answer says, else twice as long each time"
    assert said_meanwhile[0] == "Too many requests. Trying again in 7 s."
    assert {(seen.method, seen.target, seen.headers["Authorization"]) for seen in script.seen} == {
        ("GET", "/upload/usage", "Bearer SECRET")
    }


def test_patience_ends(waits: list[float]) -> None:
    busy = [problem(503, "busy", Retry_After="40")] * 3
    with playing(*busy) as script, pytest.raises(Failure) as caught:
        service(script.url, patience=100).call("GET", "jobs")
    assert (caught.value.code, caught.value.status, waits) == ("busy", 503, [40, 40])


def test_a_day_is_not_waited_for(waits: list[float]) -> None:
    with playing(problem(429, "too_many_jobs_today", Retry_After="86400")) as script, pytest.raises(Failure) as caught:
        service(script.url).call("POST", "upload")
    assert (caught.value.code, waits) == ("too_many_jobs_today", [])
    assert caught.value.sentence == "It is so. The service asks to wait 86400 s."


def test_a_key_in_use_is_waited_for_and_other_conflicts_are_not(waits: list[float]) -> None:
    in_use, other = problem(409, "idempotency_key_in_use", Retry_After="2"), problem(409, "not_ended")
    with playing(in_use, other) as script, pytest.raises(Failure) as caught:
        service(script.url).call("POST", "upload")
    assert (caught.value.code, waits) == ("not_ended", [2])


def test_a_cut_connection_is_tried_again_where_that_is_safe(waits: list[float]) -> None:
    with playing(UNANSWERED, Line(502), Line(504), said({})) as script:
        assert service(script.url).json("GET", "jobs") == {}
    with playing(Line(502)) as script, pytest.raises(Failure, match="answers 502"):
        service(script.url).call("POST", "jobs", "x", "retry", again=False)
    with playing(UNANSWERED) as script, pytest.raises(Failure, match="cannot be reached: the connection failed"):
        service(script.url).call("POST", "jobs", "x", "retry", again=False)
    assert waits == [1, 2, 4]


def test_nobody_listens(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Failure) as caught:
        service(f"http://127.0.0.1:{port}", patience=4).call("GET", "jobs")
    assert (caught.value.code, waits) == ("unreachable", [1, 2])


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        (problem(422, "no_audio", "The video has no sound track."), "no_audio", "The video has no sound track."),
        (
            said({"code": "invalid_option", "title": "Invalid value.", "field": "speed", "allowed": "1 or 2"}, 400),
            "invalid_option",
            "Invalid value. speed takes 1 or 2.",
        ),
        (Line(502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway"), "no_service", "answers 502, and no reason"),
        (said(["code"], 404), "no_service", "Is the address right?"),
        (Line(301, {"Location": "https://b/jobs"}), "moved", "sends to https://b/jobs. Log in there"),
    ],
)
def test_a_refusal_is_a_sentence(line: Line, code: str, sentence: str) -> None:
    with playing(line) as script, pytest.raises(Failure) as caught:
        service(script.url, patience=0).call("GET", "jobs")
    assert caught.value.code == code
    assert sentence in caught.value.sentence


def test_another_program_behind_the_address_is_said() -> None:
    with playing(Line(200, {}, b"<html>")) as script, pytest.raises(Failure, match="no video-to-MP3 service"):
        service(script.url).json("GET", "jobs")


def test_netrc_does_not_replace_the_token(home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    with playing(said({})) as script:
        service(script.url).json("GET", "jobs")
    assert script.seen[0].headers["Authorization"] == "Bearer SECRET"
