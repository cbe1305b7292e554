"""Messages: the text of the mail about an ended job, also with hostile file names."""

from __future__ import annotations

import email
import json
import re
import time
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.common import errors, links
from functions.common.config import load
from functions.common.errors import Failure, Kind
from functions.common.settings import Links, SignedLinks
from functions.common.tokens import Signer, Verifier
from functions.notify import messages
from local.token_keys import private_key
from tests.unit.pages import Page

JOB = "376b7472-1f38-4307-b0c5-8df8aa6286ed"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SENDER = "MP3 converter <mp3@example.org>"
LINKS = load(Links, {"PUBLIC_URL": "https://example.org/{function}"})
SIGNED = load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"})
STOP = "https://example.org/login/mails?u=Ijci.abcdefghijklmnopqrstuvwxyz0"
MOST_BYTES = 20_000
CONVERSION_ERRORS = [value for value in vars(errors).values() if isinstance(value, Kind) and value.status == 422]


def done(**mp3: Any) -> dict[str, Any]:
    """Return a finished job."""
    return ended("done") | {"mp3": {"file_id": f"{JOB}.1", "length": 3_456_789, "duration": 125.4} | mp3}


def failed(kind: Kind = errors.NO_AUDIO) -> dict[str, Any]:
    """Return a job that failed."""
    return ended("failed") | {"error": {"code": kind.code, "title": kind.title}}


def ended(state: str) -> dict[str, Any]:
    return {"_id": JOB, "state": state, "email": "ada@example.org", "filename": "talk.mp4", "mail": {"run": 1}}


def composed(
    job: dict[str, Any], sender: str = SENDER, signed: SignedLinks = SIGNED, unsubscribe: str = ""
) -> EmailMessage:
    """Return the mail as its recipient gets it: sent as bytes, and parsed again."""
    made = messages.compose(job, sender=sender, links_to=LINKS, signed=signed, unsubscribe=unsubscribe)
    sent = made.as_bytes(policy=SMTP)
    return email.message_from_bytes(sent, policy=default)


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def text(job: dict[str, Any], **more: Any) -> str:
    return body(composed(job, **more))


def link(content: str) -> str:
    """Return the only link in a mail."""
    (found,) = re.findall(r"https://\S+", content)
    return str(found)


def test_the_mail_about_an_mp3() -> None:
    message = composed(done())
    content = body(message)
    assert message["Subject"] == "Your MP3 is ready: talk.mp4"
    assert content == (
        'The sound of "talk.mp4" is ready as an MP3 (2:05, 3.5 MB):\n'
        "\n"
        f"{link(content)}\n"
        "\n"
        "The link works without logging in for 7 days. Anyone who has it can\n"
        "download the file, so share it with care.\n"
        "\n"
        f"Job {JOB}\n"
    )


def test_its_link_opens_the_job() -> None:
    address = urlsplit(link(text(done())))
    assert address._replace(query="").geturl() == "https://example.org/download"
    ((name, (signed,)),) = parse_qs(address.query).items()
    assert (name, links.read(signed, SIGNED)) == ("link", (JOB, 0))


def test_the_mail_about_a_failure() -> None:
    message = composed(failed())
    assert message["Subject"] == "We could not convert talk.mp4"
    assert body(message) == (
        'We could not convert "talk.mp4".\n'
        "\n"
        "The video has no sound track.\n"
        "\n"
        "You can try again with another file, or repair this one.\n"
        "\n"
        f"Job {JOB}, error code no_audio\n"
    )


@pytest.mark.parametrize("job", [done(), done(notes=["joined", "limited"]), failed()])
@pytest.mark.parametrize("unsubscribe", ["", STOP])
def test_both_parts_say_the_same(job: dict[str, Any], unsubscribe: str) -> None:
    message = composed(job, unsubscribe=unsubscribe)
    page = Page(body(message, "html"))
    assert page.text == " ".join(body(message).split())
    assert page.addresses == re.findall(r"https://\S+", body(message))
    assert page.hidden in page.text
    assert page.title == message["Subject"]
    assert len(message.as_bytes()) < MOST_BYTES


@pytest.mark.parametrize("job", [done(), failed()])
def test_the_address_that_stops_mails(job: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a field for mail programs, and at the foot for people."""
    monkeypatch.setattr(time, "time", lambda: 1_777_593_600.0)  # two mails have one link only within a second
    message = composed(job, unsubscribe=STOP)
    assert message["List-Unsubscribe"] == f"<{STOP}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body(message) == body(composed(job)) + f"You can stop the mails about your conversions here:\n{STOP}\n"
    assert not any(name.startswith("List-") for name, _ in composed(job).items())


def test_a_link_has_the_version_of_its_job() -> None:
    """Links that were made before it was raised are revoked."""
    signed = urlsplit(link(text(done() | {"link_version": 3}))).query.removeprefix("link=")
    assert links.read(signed, SIGNED) == (JOB, 3)


@pytest.mark.attack("D8")
@pytest.mark.parametrize("job", [done() | {"link_version": 2}, failed()])
def test_a_mail_holds_no_token(job: dict[str, Any]) -> None:
    """Nothing in it is a token, and what is signed logs nobody in."""
    source = composed(job, unsubscribe=STOP).as_string()
    decoded = body(composed(job, unsubscribe=STOP)) + body(composed(job, unsubscribe=STOP), "html")
    assert not re.search(r"eyJ[\w-]+\.eyJ|[Bb]earer|[Pp]assword", source + decoded)
    verifier = Verifier(json.dumps(Signer(private_key(), 60).key_set))
    for address in re.findall(r"https://[^\s\"<]+", decoded):
        ((_, (value,)),) = parse_qs(urlsplit(address).query).items()
        with pytest.raises(Failure) as failure:
            verifier.verify(value)
        assert failure.value.kind is errors.INVALID_TOKEN


@pytest.mark.parametrize("kind", CONVERSION_ERRORS, ids=lambda kind: str(kind.code))
def test_every_error_has_its_own_text(kind: Kind) -> None:
    content = text(failed(kind))
    assert f"\n\n{kind.title}\n\n" in content
    assert content.endswith(f"error code {kind.code}\n")
    assert "https://" not in content


@pytest.mark.parametrize("make", [done, failed])
def test_the_fields_of_every_mail(make: Any) -> None:
    message = composed(make())
    assert message["From"] == "MP3 converter <mp3@example.org>"
    assert message["To"] == "ada@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{JOB}.1@example.org>"
    assert parsedate_to_datetime(message["Date"])
    assert message.get_content_type() == "multipart/alternative"
    assert "Traceparent" not in message


def test_a_mail_has_the_trace_of_its_job() -> None:
    assert composed(done() | {"traceparent": TRACE})["Traceparent"] == TRACE
    assert "Traceparent" not in composed(done() | {"traceparent": None})


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("mp3@example.org", "example.org"),
        ("MP3 converter <mp3@mail.example.org>", "mail.example.org"),
        ('"a@b" <mp3@example.org>', "example.org"),
        ("mp3@", "localhost"),
        ("", "localhost"),
    ],
)
def test_the_id_of_a_mail_is_in_the_senders_domain(sender: str, domain: str) -> None:
    """It contains the job and its run: a copy of the mail has the same id, and the mail of a retry another one."""
    assert messages.message_id(done(), sender) == f"<{JOB}.1@{domain}>"
    assert messages.message_id(done() | {"mail": {"run": 2}}, sender) == f"<{JOB}.2@{domain}>"


def test_a_sender_may_have_any_name() -> None:
    assert composed(done(), sender="Müller & Söhne <mp3@example.org>")["From"] == "Müller & Söhne <mp3@example.org>"


@pytest.mark.parametrize(
    ("notes", "sentences"),
    [
        ([], []),
        (
            ["truncated_source"],
            ["The file ends long before the length that it declares: the MP3 holds what was there."],
        ),
        (["no_cover"], ["No picture was found for the cover that you asked for."]),
        (
            ["no_cover", "truncated_source"],
            [
                "No picture was found for the cover that you asked for.",
                "The file ends long before the length that it declares: the MP3 holds what was there.",
            ],
        ),
        (
            ["other_tracks"],
            ["The video has other sound tracks: 2 (ger), 3. The option track chooses one, or mixes all."],
        ),
        (["of a newer version", "no_cover"], ["No picture was found for the cover that you asked for."]),
    ],
)
def test_notes(notes: list[str], sentences: list[str]) -> None:
    """Each is a paragraph between the link and the sentence about it."""
    others = [{"number": 2, "language": "ger"}, {"number": 3, "language": ""}]
    content = text(done(notes=notes, others=others))
    between = content.partition(link(content))[2].partition("The link works")[0]
    assert between == "\n" + "".join(f"\n{sentence}\n" for sentence in sentences) + "\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0:00"),
        (0.49, "0:00"),
        (0.51, "0:01"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (61.0, "1:01"),
        (600.0, "10:00"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (3600.0, "1:00:00"),
        (3661.0, "1:01:01"),
        (43_200.0, "12:00:00"),
        (360_000.0, "100:00:00"),
    ],
)
def test_lengths(seconds: float, shown: str) -> None:
    assert f"({shown}, " in text(done(duration=seconds))


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "1 kB"),
        (1, "1 kB"),
        (1_499, "1 kB"),
        (1_501, "2 kB"),
        (99_499, "99 kB"),
        (99_999, "100 kB"),
        (100_000, "0.1 MB"),
        (149_999, "0.1 MB"),
        (150_001, "0.2 MB"),
        (999_999, "1.0 MB"),
        (2**31, "2147.5 MB"),
    ],
)
def test_sizes(size: int, shown: str) -> None:
    assert f", {shown}):" in text(done(length=size))


@pytest.mark.parametrize(("days", "shown"), [(7.0, "7 days"), (0.5, "0.5 days"), (1.0, "1 day"), (30.0, "30 days")])
def test_the_validity_of_the_link(days: float, shown: str) -> None:
    assert f"without logging in for {shown}. Anyone" in text(done(), signed=SIGNED.replace(link_ttl_days=days))


@pytest.mark.attack("M2")
@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("a b.mp4", "a b.mp4"),
        ("Grüße, 你好 😀.mp4", "Grüße, 你好 😀.mp4"),
        ("a\r\nBcc: b@example.org\r\n\r\nbuy", "aBcc: b@example.orgbuy"),
        ("\u202e4pm.exe", "4pm.exe"),
        ("a\0b\x1b[2Jc\x7fd\ue000e\ud800f", "ab[2Jcdef"),
        ("{link} {0} %s $x", "{link} {0} %s $x"),
        ("<img src=x onerror=alert(1)>&amp;'.mp4", "<img src=x onerror=alert(1)>&amp;'.mp4"),
        ("=?utf-8?q?=41?=", "=?utf-8?q?=41?="),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 99 + "…"),
        ("ü" * 255, "ü" * 99 + "…"),
        ("\0" * 50 + "x" * 100, "x" * 100),
    ],
    ids=ascii,
)
def test_file_names(filename: str, shown: str) -> None:
    """Users choose them, so they must not create header fields or lines."""
    for job, subject in ((done(), "Your MP3 is ready: "), (failed(), "We could not convert ")):
        message = composed(job | {"filename": filename})
        assert set(message.keys()) == set(composed(job).keys())
        if "=?" not in shown:
            assert message["Subject"] == subject + shown
        assert f'"{shown}"' in body(message)
        assert len(body(message).splitlines()) == len(body(composed(job)).splitlines())
        page = Page(body(message, "html"))
        assert f'"{shown}"' in page.text
        assert page.text == " ".join(body(message).split())
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in Page(body(composed(job), "html")).elements]


@pytest.mark.attack("M1")
@pytest.mark.parametrize("address", ["a\nb@example.org", "a@example.org\r\nBcc: b@example.org"])
def test_an_address_that_is_not_a_header_value_is_an_error(address: str) -> None:
    with pytest.raises(ValueError, match="Header values may not contain linefeed or carriage return characters"):
        messages.compose(done() | {"email": address}, sender=SENDER, links_to=LINKS, signed=SIGNED)
