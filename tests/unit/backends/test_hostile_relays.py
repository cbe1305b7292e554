"""Relays that misbehave: none gets a mail or a password in the clear, holds a function, or has a mail given up."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from itertools import repeat
from pathlib import Path
from threading import Event

import pytest

from functions.backends.mail import Mailer, Postponed, Unanswered
from functions.common.settings import Relay as Settings
from functions.notify import mailing
from tests.integration import states
from tests.unit.backends.certificates import PAST, Authority
from tests.unit.backends.relay import PAUSE_SECONDS, Relay, Reply, Script, relay
from tests.unit.in_memory import System

OFFER = {
    "EHLO": "250-relay\n250-AUTH PLAIN\n250 STARTTLS",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "QUIT": "221 bye",
}
STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"]
BEFORE_THE_DOT = STEPS[:-1]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only authority that is trusted."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


def message() -> EmailMessage:
    made = EmailMessage()
    made["Message-ID"], made["From"], made["To"] = "<1@example.org>", "mp3@example.org", "a@example.org"
    made.set_content("one\n")
    return made


def mailer(url: str, seconds: float = 5.0) -> Mailer:
    return Mailer(Settings(url, "MP3 <mp3@example.org>", "", seconds, seconds))


def encrypted(server: Relay) -> Mailer:
    """Return a mailer with a password and the default rules of TLS."""
    return mailer(f"smtp://ada:word@localhost:{server.port}")


def plain(server: Relay, user: str = "", seconds: float = 5.0) -> Mailer:
    """Return a mailer that uses a relay without TLS."""
    return mailer(f"smtp://{user}127.0.0.1:{server.port}?tls=none", seconds)


def scripted(step: str, answer: Reply) -> Script:
    """Return a script with this reply at one step; a client whose EHLO is rejected tries HELO."""
    return dict.fromkeys(("EHLO", "HELO") if step == "EHLO" else (step,), answer)


def postponed(server: Relay, through: Mailer) -> None:
    """Check that a job's mail is postponed, and neither the mail nor the password was sent."""
    system = System()
    job_id = states.finished(system.sweeper)
    mailing.run(
        job_id,
        jobs=system.jobs,
        mailer=through,
        wanted=lambda _user: True,
        token="t",
        stopping=Event(),
        compose=lambda _job: message(),
    )
    mail = system.document(job_id)["mail"]
    assert (mail["state"], mail["attempts"], "retry_at" in mail) == ("none", 1, True)
    assert server.taken == []
    assert not [line for line in server.lines if line.upper().startswith(("AUTH", "MAIL"))]


def test_a_relay_that_proves_who_it_is_gets_the_mail(authority: Authority) -> None:
    """The tests below fail for what they name, not for something else."""
    with relay(OFFER, authority.server("localhost")) as server:
        encrypted(server).send("a@example.org", message())
    assert len(server.taken) == 1


@pytest.mark.attack("M3")
@pytest.mark.parametrize("flaw", ["self-signed", "of another host", "expired", "of another authority"])
def test_a_certificate_that_proves_nothing(flaw: str, authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    tls = {
        "self-signed": lambda: authority.server("localhost", self_signed=True),
        "of another host": lambda: authority.server("relay.example.org"),
        "expired": lambda: authority.server("localhost", end=PAST),
        "of another authority": lambda: Authority(folder).server("localhost"),
    }[flaw]()
    with relay(OFFER, tls) as server:
        postponed(server, encrypted(server))
    assert [line.split()[0].upper() for line in server.lines] == ["EHLO", "STARTTLS"]


@pytest.mark.attack("M3")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls(version: ssl.TLSVersion, authority: Authority) -> None:
    """A client that takes them would be served, so the relay does speak them."""
    tls = authority.server("localhost")
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = version
    with relay(OFFER, tls) as server:
        postponed(server, encrypted(server))
        lax = ssl.create_default_context()
        lax.set_ciphers("ALL:@SECLEVEL=0")
        lax.minimum_version = version
        with smtplib.SMTP("localhost", server.port, timeout=5) as client:
            client.starttls(context=lax)
            assert isinstance(client.sock, ssl.SSLSocket)
            assert client.sock.version() == version.name.replace("_", ".")


@pytest.mark.attack("M3")
@pytest.mark.parametrize(
    "stripped",
    [
        {"EHLO": "250-relay\n250 AUTH PLAIN"},
        {"EHLO": "250-relay\n250-XXXXXXXX\n250 AUTH PLAIN"},
        {"EHLO": "502 what?", "HELO": "250 relay"},
        {**OFFER, "STARTTLS": "454 not now"},
        {**OFFER, "STARTTLS": "502 what?"},
        {**OFFER, "STARTTLS": "220 go on"},
    ],
    ids=str,
)
def test_a_connection_without_tls(stripped: Script) -> None:
    """Somebody between removes STARTTLS, or answers it without TLS."""
    with relay(stripped) as server:
        postponed(server, encrypted(server))


@pytest.mark.attack("M4")
@pytest.mark.parametrize("more", [b"250 injected\r\n", b"2", b"250-relay\r\n250 AUTH PLAIN\r\n235 welcome\r\n"])
def test_replies_that_come_before_tls_in_the_same_packet(more: bytes, authority: Authority) -> None:
    """Taken after it, they would pass for encrypted ones."""
    with relay({**OFFER, "STARTTLS": b"220 go on\r\n" + more}, authority.server("localhost")) as server:
        postponed(server, encrypted(server))


@pytest.mark.attack("M4")
def test_replies_that_come_before_tls_in_another_packet(authority: Authority) -> None:
    script: Script = {**OFFER, "STARTTLS": (b"220 go on\r\n", b"250 injected\r\n")}
    with relay(script, authority.server("localhost")) as server:
        postponed(server, encrypted(server))


def many_lines(count: int = 100_000) -> bytes:
    return b"250-and more\r\n" * count + b"250 ok\r\n"


@pytest.mark.attack("M6")
@pytest.mark.parametrize("step", BEFORE_THE_DOT)
@pytest.mark.parametrize(
    "reply", [many_lines(), many_lines(2_000), b"2" * 10_000_000, b"250 " + b"x" * 20_000 + b"\r\n"], ids=len
)
def test_a_huge_reply(step: str, reply: bytes) -> None:
    valid = {"greeting": b"220", "DATA": b"354"}.get(step, b"250")
    with relay(scripted(step, reply.replace(b"250", valid))) as server, pytest.raises(Postponed):
        plain(server).send("a@example.org", message())
    assert server.taken == []


@pytest.mark.attack("M6")
@pytest.mark.parametrize("step", BEFORE_THE_DOT)
def test_a_reply_that_never_ends_though_its_bytes_keep_coming(step: str) -> None:
    """The time is for the whole reply, which would be valid in the end."""
    seconds = 0.2
    code = {"greeting": b"220", "DATA": b"354"}.get(step, b"250")
    pieces = [code + b"-", *repeat(b"x", int(10 * seconds / PAUSE_SECONDS)), b"\r\n" + code + b" ok\r\n"]
    with relay(scripted(step, pieces)) as server, pytest.raises(Postponed):
        plain(server, seconds=seconds).send("a@example.org", message())
    assert server.taken == []


@pytest.mark.attack("M6")
@pytest.mark.parametrize("step", BEFORE_THE_DOT)
@pytest.mark.parametrize(
    "reply", [b"\0\r\n", b"\xff\xfe\x00\x01\r\n", b"\n", b"25\xb2 ok\r\n", b"-50 ok\r\n", b"\x1b[2J\r\n"]
)
def test_a_binary_reply(step: str, reply: bytes) -> None:
    with relay(scripted(step, reply)) as server, pytest.raises(Postponed):
        plain(server).send("a@example.org", message())
    assert server.taken == []


@pytest.mark.attack("M6")
@pytest.mark.parametrize(
    "reply",
    [
        many_lines(),
        b"2" * 1_000_000,
        b"\0\r\n",
        b"\xff\xfe\r\n",
        b"hello\r\n",
        b"354 go on\r\n",
        b"100 wait\r\n",
        b"-1\r\n",
    ],
    ids=lambda reply: str(reply[:20]),
)
def test_a_reply_that_does_not_say_whether_the_mail_was_accepted(reply: bytes) -> None:
    """Tried again, it could arrive twice."""
    with relay({"dot": reply}) as server, pytest.raises(Unanswered):
        plain(server).send("a@example.org", message())
    assert len(server.taken) == 1


@pytest.mark.parametrize("reply", ["250 ok", "252 ok", "200 ok", "250-ok\n250 more", "250 ok\n421 bye"])
def test_every_reply_that_begins_with_2_accepts_the_mail(reply: str) -> None:
    """RFC 5321 section 4.2.1."""
    with relay({"dot": reply}) as server:
        plain(server).send("a@example.org", message())
    assert len(server.taken) == 1


@pytest.mark.attack("M6")
@pytest.mark.parametrize("challenge", [b"334 A\r\n", b"334 \xff\xfe\r\n", b"334 ====\r\n", b"334\r\n", b"\0\r\n"])
@pytest.mark.parametrize("method", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
def test_a_malformed_challenge(method: str, challenge: bytes) -> None:
    """The relay's fault does not give a mail up."""
    with relay({"EHLO": f"250-relay\n250 AUTH {method}", "AUTH": challenge}) as server, pytest.raises(Postponed):
        plain(server, "ada:word@").send("a@example.org", message())
    assert server.taken == []
