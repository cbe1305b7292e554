"""Links: URLs of functions, and signed texts that allow a download for a limited time, or to stop mails forever."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from functions.common import errors, links
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import SignedLinks

JOB = "376b7472-1f38-4307-b0c5-8df8aa6286ed"
SECRET = "0123456789abcdef0123456789abcdef"
SIGNED = load(SignedLinks, {"LINK_SECRET": SECRET})
OTHER = load(SignedLinks, {"LINK_SECRET": SECRET[::-1]})
PURPOSE = "mp3converter.download"
DAY = 86_400
NOW = 1_800_000_000.0


def refused(text: str, settings: SignedLinks = SIGNED) -> None:
    """Check that a text is refused without a reason."""
    with pytest.raises(Failure) as failure:
        links.read(text, settings)
    assert failure.value.kind is errors.EXPIRED_LINK


@pytest.mark.parametrize(
    ("public_url", "query", "expected"),
    [
        ("http://localhost:8080/{function}", {}, "http://localhost:8080/download"),
        ("http://localhost:8080/{function}", {"fid": "1"}, "http://localhost:8080/download?fid=1"),
        ("https://{function}.example.org", {"fid": "1"}, "https://download.example.org?fid=1"),
        ("https://{function}.example.org/{function}/", {}, "https://download.example.org/download/"),
        ("https://example.org/x", {"b": "2", "a": "1"}, "https://example.org/x?b=2&a=1"),
        ("https://example.org/x", {"q": "a&b=c #ü"}, "https://example.org/x?q=a%26b%3Dc+%23%C3%BC"),
        ("https://example.org/{other}/{", {}, "https://example.org/{other}/{"),
    ],
)
def test_the_public_url_of_a_function(public_url: str, query: dict[str, str], expected: str) -> None:
    assert links.to(public_url, "download", **query) == expected


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        ("http://localhost:8080/{function}", "http://localhost:8080/login/mails?u=a"),
        ("https://example.org/{function}/", "https://example.org/login/mails?u=a"),
        ("https://{function}.example.org", "https://login.example.org/mails?u=a"),
    ],
)
def test_the_public_url_of_a_path_below_a_function(public_url: str, expected: str) -> None:
    assert links.to(public_url, "login", "mails", u="a") == expected


@pytest.mark.parametrize("version", [0, 1, 2**31])
def test_a_link_names_its_job_and_version(version: int) -> None:
    assert links.read(links.sign(JOB, version, SIGNED), SIGNED) == (JOB, version)


def test_a_link_from_before_there_were_versions_has_version_0() -> None:
    """And earlier versions of the program read the links of this version: both run while it is deployed."""
    before = URLSafeTimedSerializer(SECRET, salt=PURPOSE)
    assert links.read(str(before.dumps(JOB)), SIGNED) == (JOB, 0)
    assert before.loads(links.sign(JOB, 0, SIGNED), max_age=60) == JOB


@pytest.mark.parametrize("version", [0, 7])
def test_a_signed_text_needs_no_url_encoding(version: int) -> None:
    """Mail programs may break encoded links."""
    signed = links.sign(JOB, version, SIGNED)
    address = links.to("http://localhost:8080/{function}", "download", link=signed)
    assert address == f"http://localhost:8080/download?link={signed}"
    assert parse_qs(urlsplit(address).query) == {"link": [signed]}


def test_no_character_of_a_link_may_change() -> None:
    signed = links.sign(JOB, 0, SIGNED)
    # The last character of the signature has unused bits, so other characters are equivalent.
    for place in range(len(signed) - 1):
        refused(f"{signed[:place]}{'A' if signed[place] != 'A' else 'B'}{signed[place + 1 :]}")
    refused(signed[:-1])
    refused(f"{signed}A")


@pytest.mark.parametrize("text", ["", ".", "..", JOB, f"{JOB}.x.y", "é", "a.b.c", "." * 10_000, "\0"], ids=ascii)
def test_invalid_links_are_refused(text: str) -> None:
    refused(text)


def test_links_with_another_secret_or_purpose_are_refused() -> None:
    refused(links.sign(JOB, 0, OTHER))
    refused(str(URLSafeTimedSerializer(SECRET).dumps(JOB)))
    refused(str(URLSafeTimedSerializer(SECRET, salt="mp3converter.other").dumps(JOB)))


def test_a_link_without_a_time_is_refused() -> None:
    refused(str(URLSafeSerializer(SECRET, salt=PURPOSE).dumps(JOB)))


@pytest.mark.parametrize("days", [7.0, 0.5, 1 / DAY])
def test_a_link_is_valid_to_the_second(days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SIGNED.replace(link_ttl_days=days)
    moment = NOW
    monkeypatch.setattr(time, "time", lambda: moment)
    signed = links.sign(JOB, 0, settings)
    moment = NOW + days * DAY
    assert links.read(signed, settings).job_id == JOB
    moment += 1
    refused(signed, settings)


def test_a_link_from_the_future_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be valid for longer than intended."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    signed = links.sign(JOB, 0, SIGNED)
    monkeypatch.setattr(time, "time", lambda: NOW - 1)
    refused(signed)


def test_the_period_of_validity_applies_when_a_link_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter period also applies to links that were already sent."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    signed = links.sign(JOB, 0, SIGNED)
    monkeypatch.setattr(time, "time", lambda: NOW + 2 * DAY)
    assert links.read(signed, SIGNED).job_id == JOB
    refused(signed, SIGNED.replace(link_ttl_days=1.0))


@pytest.mark.parametrize("user", ["7", "00000000-0000-4000-8000-000000000000"])
def test_a_signed_text_to_stop_the_mails_of_a_user(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works for as long as somebody keeps the mail, and needs no encoding in a URL."""
    signed = links.sign_unsubscribe(user, SIGNED)
    monkeypatch.setattr(time, "time", lambda: NOW * 2)
    assert links.read_unsubscribe(signed, SIGNED) == user
    assert links.to("https://example.org/x", "login", u=signed) == f"https://example.org/x?u={signed}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "é",
        "\ud800",
        "." * 10_000,
        links.sign_unsubscribe("7", SIGNED)[:-1],
        links.sign_unsubscribe("7", OTHER),
        links.sign("7", 0, SIGNED),
        str(URLSafeSerializer(SECRET).dumps("7")),
    ],
    ids=["empty", "unsigned", "not ASCII", "surrogate", "dots", "cut", "other key", "link", "other purpose"],
)
def test_nothing_else_stops_mails(text: str) -> None:
    with pytest.raises(Failure) as failure:
        links.read_unsubscribe(text, SIGNED)
    assert failure.value.kind is errors.INVALID_LINK


def test_a_text_that_stops_mails_opens_no_file() -> None:
    refused(links.sign_unsubscribe(JOB, SIGNED))


@pytest.mark.parametrize(("version", "seconds"), [(0, 3600), (3, 60), (0, 30 * DAY)])
def test_a_link_for_some_seconds_ends_with_them(version: int, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with those in mails at the latest."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    signed = links.sign(JOB, version, SIGNED, seconds)
    ends = NOW + min(seconds, 7 * DAY)
    monkeypatch.setattr(time, "time", lambda: ends)
    assert links.read(signed, SIGNED) == links.Download(JOB, version)
    monkeypatch.setattr(time, "time", lambda: ends + 1)
    refused(signed)
