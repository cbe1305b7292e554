"""Commands: what they send, what they print, and the statuses they end with."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tqdm import tqdm

from mp3converter_client import convert, download
from mp3converter_client.convert import INTERRUPTED, Task
from mp3converter_client.main import main
from tests.unit.client.scripted import UNANSWERED, Line, Script, playing, problem, said
from tests.unit.client.test_download import CONTENT, FIRST, whole

JOB: dict[str, Any] = {
    "id": "ID",
    "state": "done",
    "progress": 100,
    "filename": "a\x1b[31m.mp4",
    "options": {},
    "created": "2026-05-01T00:00:00.000Z",
    "mp3": {"size": len(CONTENT), "duration": 3725.4, "notes": ["limited", "new_note"]},
}
FAILED = JOB | {"state": "failed", "error": {"code": "no_audio", "title": "No sound."}}
ACCEPTED = said({"id": "ID", "state": "queued", "links": {"download": "http://elsewhere/"}}, 202)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command against a script; return its status, and what it printed and complained."""

    def run(script: Script, *words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setenv("MP3_URL", script.url)
        monkeypatch.setenv("MP3_TOKEN", "SECRET")
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


def test_convert_sends_every_option_and_the_webhook(run: Any, tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"video")
    lines = [said({}), ACCEPTED, Line(204), said(JOB), FIRST, whole()]
    with playing(*lines) as script:
        words = ["--bitrate", "64", "--title", "", "--fade-in", "1.5", "--webhook", "https://h.example.com/"]
        status, printed, complained = run(script, "convert", video, "--json", *words)
    found = json.loads(printed)
    assert (status, complained) == (0, "")
    assert found == {"file": str(video), "id": "ID", "state": "done", "output": str(tmp_path / "a.mp3"), "job": JOB}
    sent = parse_qs(urlsplit(script.seen[1].target).query)
    assert sent == {"filename": ["a.mp4"], "bitrate": ["64"], "fade_in": ["1.5"], "webhook": ["https://h.example.com/"]}


def test_a_failed_job_is_a_failed_file(run: Any, tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"video")
    with playing(said({}), ACCEPTED, Line(204), said(FAILED)) as script:
        assert run(script, "convert", video) == (1, "", f"{video}: No sound.\n")


@pytest.mark.parametrize("words", [("convert", "a.mp4"), ("get", "ID"), ("watch",), ("watch", "ID")], ids=" ".join)
def test_a_wrong_address_is_known_at_once(run: Any, waits: list[float], words: tuple[str, ...]) -> None:
    with playing(problem(404, "not_found", "No such function.")) as script:
        assert run(script, *words) == (1, "", f"There is no video-to-MP3 service at {script.url}.\n")
    with playing(UNANSWERED) as script:
        status, _, complained = run(script, *words)
    assert (status, waits, "cannot be reached" in complained) == (1, [], True)


def test_a_person_does_not_wait_long(run: Any, waits: list[float]) -> None:
    with playing(*[problem(503, "busy", "It is busy.")] * 4) as script:
        status, _, complained = run(script, "list")
    assert (status, sum(waits)) == (1, 7)
    assert complained.splitlines()[0] == "It is busy. Trying again in 1 s."


def test_names_of_others_move_no_cursor(run: Any) -> None:
    with playing(said({"jobs": [JOB, FAILED]})) as script:
        status, printed, _ = run(script, "list")
    first, second = printed.splitlines()
    assert status == 0
    assert printed.replace("\n", "").isprintable()
    note = "its peaks were beyond full scale, and are limited; new_note"
    assert first.endswith(f"a\N{REPLACEMENT CHARACTER}[31m.mp4  1:02:05, 500.0 KiB ({note})")
    assert second.endswith("mp4  No sound.")


def test_retry_sends_a_form_once(run: Any) -> None:
    with playing(said(JOB, 202), problem(409, "not_ended", "It has not ended.")) as script:
        status, printed, complained = run(script, "retry", "A", "B", "A", "--speed", "1.5", "--json")
    assert (status, complained) == (1, "B: It has not ended.\n")
    assert [json.loads(line) for line in printed.splitlines()] == [
        JOB,
        {"id": "B", "state": "failed", "error": {"code": "not_ended", "title": "It has not ended."}},
    ]
    assert [(seen.target, seen.body) for seen in script.seen] == [
        ("/jobs/A/retry", b"speed=1.5"),
        ("/jobs/B/retry", b"speed=1.5"),
    ]


def test_two_jobs_with_the_same_name_get_two_files(run: Any, tmp_path: Path) -> None:
    named = JOB | {"filename": "../a.mp4"}
    each = [Line(204), said(named), FIRST, whole()]
    with playing(said({}), said(named), said(named), *each, *each) as script:
        assert run(script, "get", "A", "B", "-o", tmp_path / "out", "--jobs", "1")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a B.mp3", "a.mp3"]


def test_a_folder_that_cannot_be_written_is_wrong_usage(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with playing() as script, pytest.raises(SystemExit) as caught:
        run(script, "convert", "a.mp4", "-o", tmp_path / "file" / "new")
    assert caught.value.code == 2


def test_ctrl_c_waits_until_no_file_is_between_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(download, "naming", threading.Lock())
    monkeypatch.setattr(tqdm, "_lock", threading.RLock())  # neither is given back
    tasks = [
        Task("a.mp4", tmp_path / "a.mp3", Path("a.mp4")),
        Task("b.mp4", tmp_path / "b c.mp3", Path("b.mp4"), job_id="ID", step="converting"),
        Task("c.mp4", tmp_path / "c.mp3", Path("c.mp4"), job_id="ID", job=JOB, step=convert.DONE),
    ]
    stopping = threading.Thread(target=convert._stop, args=(tasks, True))
    with download.naming:
        stopping.start()
        stopping.join(0.1)
        assert ended == []
    stopping.join(30)
    assert ended == [INTERRUPTED]
    printed, complained = capsys.readouterr()
    results = {result["file"]: result for result in map(json.loads, printed.splitlines())}
    assert {name: result["state"] for name, result in results.items()} == {
        "a.mp4": "failed",
        "b.mp4": "failed",
        "c.mp4": "done",
    }
    assert results["b.mp4"]["error"]["code"] == "interrupted"
    assert f"mp3 get ID -o '{tmp_path}/b c.mp3'\n" in complained
    assert "a.mp4: Interrupted. Nothing was sent.\n" in complained
