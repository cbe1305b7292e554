"""A user's jobs as pages: what each says of itself, whatever its name is."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request

from functions.backends import recipients
from functions.common import errors
from functions.common.bearer import Bearer
from functions.common.errors import Failure
from functions.jobs import plain
from tests.unit.pages import Page

OWNER = Bearer("1", 'o\'hara+"<b>"@example.org')
HOSTILE = "<img src=x onerror=alert(1)>'\"&.mp4"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MAILED, HERE = "We mail you a link", "The MP3 will be here"
AUDIO = {"audio": "https://example.org/function/download?link=a.b-c_d"}


class People:
    """Those who want mails, and a database that may be away."""

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = wanted

    def want(self, user: str) -> bool:
        """Tell whether a user wants mails."""
        assert user == OWNER.user
        if self._wanted is None:
            raise Failure(errors.UNAVAILABLE)
        return self._wanted


@pytest.fixture(autouse=True)
def everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database of users, everybody gets mails."""
    monkeypatch.setattr(recipients, "connect", lambda: None)


def job(state: str, **more: Any) -> dict[str, Any]:
    return {"id": ID, "filename": HOSTILE, "state": state, "progress": 40, "links": {}, **more}


def shown(found: dict[str, Any]) -> Page:
    with Flask("jobs").test_request_context(f"/{ID}"):
        return Page(plain.shown(request, OWNER, found).get_data(as_text=True))


def listed(*found: dict[str, Any], older: dict[str, str] | None = None) -> Page:
    with Flask("jobs").test_request_context("/"):
        response = plain.listed(request, OWNER, found, older, 2**31)
    return Page(response.get_data(as_text=True))


STATES = [
    (job("uploading"), "It is being sent."),
    (job("queued"), "It is waiting for its turn."),
    (job("converting"), "It is being converted: 40 %."),
    (job("done", links=AUDIO, mp3={"size": 3_440_000}), "Done. ../download?link=a.b-c_d"),
    (job("done", mp3={"size": 1}), "The MP3 has expired and was deleted."),
    (job("failed", error={"code": "no_audio", "title": HOSTILE}), HOSTILE),
]


@pytest.mark.parametrize(("found", "sentence"), STATES, ids=range(len(STATES)))
def test_each_state_is_a_sentence(found: dict[str, Any], sentence: str) -> None:
    for page in (shown(found), listed(found)):
        assert sentence in page.text
        assert OWNER.email in page.text
        assert not {tag for tag, _ in page.elements} & {"img", "b", "script", "style"}
    page = shown(found)
    assert page.title == f"{HOSTILE} · Video to MP3"
    assert (MAILED in page.text) is (found["state"] not in ("done", "failed"))
    assert f"../jobs/{ID}" in listed(found).addresses


@pytest.mark.parametrize(("wanted", "sentence"), [(True, MAILED), (False, HERE), (None, HERE)])
def test_who_gets_no_mail_is_told_where_to_look(
    wanted: bool | None, sentence: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page is also shown while MySQL cannot be reached, and promises less."""
    monkeypatch.setattr(recipients, "connect", lambda: People(wanted))
    text = shown(job("queued")).text
    assert [each in text for each in (MAILED, HERE)] == [each == sentence for each in (MAILED, HERE)]
    assert bool(caplog.records) is (wanted is None)


def test_the_form_has_its_options_before_the_video() -> None:
    """So that a wrong one is refused before the video is sent; all of them are options of the service."""
    page = listed()
    (form,) = (found for tag, found in page.elements if tag == "form" and found["action"] == "../upload/")
    assert (form["method"], form["enctype"]) == ("post", "multipart/form-data")
    fields = [found["name"] for tag, found in page.elements if tag in ("input", "select")]
    assert fields == ["quality", "channels", "normalize", "file"]
    assert "Video, up to 2.1 GB" in page.text
    assert "There are none yet." in page.text


def test_older_jobs_are_behind_a_link() -> None:
    older = {"after": "1.a", "q": '"><b>'}
    page = listed(job("queued"), older=older)
    assert "?after=1.a&q=%22%3E%3Cb%3E" in page.addresses
    assert not [address for address in listed(job("queued")).addresses if address.startswith("?")]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 kB"), (1_499, "1 kB"), (3_440_000, "3.4 MB"), (2**31, "2.1 GB")]
)
def test_sizes(count: int, expected: str) -> None:
    assert plain._size(count) == expected
