"""Sending a mail: accepted, not accepted, or unknown."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from functions.backends.mail import Mailer, Postponed, Refused, Unanswered
from functions.common.config import ConfigError
from functions.common.settings import Relay as Settings
from tests.certificates import self_signed
from tests.unit.backends.relay import Relay, relay

ALL_STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"]
CLOSED = "smtp://127.0.0.1:1?tls=none"


def mailer(url: str, final_timeout: float = 5.0) -> Mailer:
    return Mailer(Settings(url, "MP3 <mp3@example.org>", "", 5.0, final_timeout))


def plain(server: Relay, user: str = "") -> Mailer:
    """Return a mailer that uses a relay without TLS."""
    return mailer(f"smtp://{user}127.0.0.1:{server.port}?tls=none")


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Ü", "mp3@example.org", "a@example.org"
    made.set_content("one\n.\n..two\n.three\n")
    return made


def send(through: Mailer) -> None:
    through.send("a@example.org", message())


def scripted(step: str, answer: str | None) -> dict[str, str | None]:
    """Return a script with this reply at one step; a client whose EHLO is rejected tries HELO."""
    return dict.fromkeys(("EHLO", "HELO") if step == "EHLO" else (step,), answer)


def test_an_accepted_mail() -> None:
    with relay() as server:
        send(plain(server))
    commands = [line.lower() for line in server.lines[1:]]  # smtplib's case depends on Python's version
    assert commands == ["mail from:<mp3@example.org>", "rcpt to:<a@example.org>", "data"]
    assert len(server.taken) == 1


def test_no_part_of_a_mail_waits_for_an_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The final dot is a packet of its own."""
    sockets: list[socket.socket] = []
    original = socket.create_connection

    def recorded(*args: Any, **kwargs: Any) -> socket.socket:
        sockets.append(original(*args, **kwargs))
        return sockets[-1]

    monkeypatch.setattr(socket, "create_connection", recorded)
    with relay() as server, plain(server).session("a@example.org"):
        assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets] == [1]


@pytest.mark.attack("M5")
def test_lines_that_start_with_a_dot_are_unchanged() -> None:
    """And a line with only a dot does not end the mail (RFC 5321, section 4.5.2)."""
    with relay() as server:
        send(plain(server))
    body = server.taken[0].split(b"\r\n\r\n")[-1]
    assert body.split(b"\r\n") == [b"one", b"..", b"...two", b"..three", b""]


SMUGGLED = "\r\nMAIL FROM:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\nhello\r\n.\r\n"


@pytest.mark.attack("M5")
@pytest.mark.parametrize(
    "end", ["\n.\n", "\r.\r", "\r\n.\r\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r\n\0.\r\n"]
)
@pytest.mark.parametrize("coding", ["7bit", "8bit", "quoted-printable", "base64", "none"])
def test_no_content_ends_a_mail(coding: str, end: str) -> None:
    """Relays disagree about lone CRs and LFs, so there are none (SMTP smuggling)."""
    made, text = EmailMessage(), f"first{end}{SMUGGLED}last\n"
    made["From"], made["To"] = "mp3@example.org", "a@example.org"
    if coding == "none":
        made.set_payload(text)
    else:
        made.set_content(text, cte=coding)
    with relay() as server:
        plain(server).send("a@example.org", made)
    (taken,) = server.taken
    bare = taken.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    assert not [line for line in taken.split(b"\r\n") if line.startswith(b".") and not line.startswith(b"..")]
    assert [line.split(":")[0].lower() for line in server.lines[1:]] == ["mail from", "rcpt to", "data"]


def test_a_forwarded_recipient_is_accepted() -> None:
    with relay({"RCPT": "251 will forward"}) as server:
        send(plain(server))
    assert len(server.taken) == 1


@pytest.mark.parametrize("step", ALL_STEPS)
@pytest.mark.parametrize("answer", ["421 later", "451 later", "452 full"])
def test_a_temporary_reply_postpones_the_mail(step: str, answer: str) -> None:
    with relay(scripted(step, answer)) as server, pytest.raises(Postponed):
        send(plain(server))
    assert len(server.taken) == (step == "dot")


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "550 no such user"),
        ("RCPT", "551 not here"),
        ("RCPT", "553 what a name"),
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "554 5.1.2 no such domain"),
        ("RCPT", "550 5.2.1 disabled"),
        ("RCPT", "552 5.2.2 full"),
        ("DATA", "550 5.1.1 no such user"),
        ("dot", "550 5.1.1 no such user"),
    ],
)
def test_a_refused_recipient_refuses_the_mail(step: str, answer: str) -> None:
    with relay({step: answer}) as server, pytest.raises(Refused):
        send(plain(server))


@pytest.mark.parametrize("step", ALL_STEPS)
@pytest.mark.parametrize(
    "answer",
    [
        "500 what?",
        "530 5.7.0 Authentication required",
        "535 5.7.8 wrong password",
        "550 5.1.7 sender's address",
        "550 5.1.8 sender's domain",
        "550 5.7.1 looks like spam",
        "550 5.10.1 of the future",
        "552 5.3.4 too large",
        "554 no service for you",
        "554 5.7.1 relay access denied",
        "599 ?",
    ],
)
def test_any_other_permanent_reply_postpones_the_mail(step: str, answer: str) -> None:
    """It is the relay's fault or ours, and may be mended until the next attempt."""
    with relay(scripted(step, answer)) as server, pytest.raises(Postponed):
        send(plain(server))


@pytest.mark.parametrize("step", ["MAIL", "DATA", "dot"])
def test_a_reply_that_is_not_about_the_recipient_postpones_the_mail(step: str) -> None:
    with relay({step: "550 not this"}) as server, pytest.raises(Postponed):
        send(plain(server))


@pytest.mark.attack("M1")
@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@x, b@y",
        "a@x,b@y",
        "<a@x>",
        "a@x>",
        "A <a@x>",
        "a b@x",
        "a@x;b@y",
        "a@x\r\nRCPT TO:<b@y>",
        "a@x.org\n",
        "a@x.org\r\nBcc: b@x.org",
        "a@x.org> NOTIFY=SUCCESS",
        "a@x@y",
        '"a b"@x.org',
        '"a@y.org"@x.org',
        '"a\\"b"@x.org',
        "a@[127.0.0.1]",
        "@relay.org:a@x.org",
        "a%y.org@x.org\t",
        "a..b@x.org",
        ".a@x.org",
        "a\u200b@x.org",
        "a@x\0",
        "ü@example.org",
        "a@münchen.de",
        f"{'a' * 400}@example.org",
        f"a@{'b' * 400}.org",
        f"{'a' * 308}@example.org",
    ],
)
def test_what_is_no_address_reaches_no_relay(recipient: str) -> None:
    """Rows of an old database may hold anything."""
    with relay() as server, pytest.raises(Refused), plain(server).session(recipient):
        pass
    assert server.lines == []


@pytest.mark.attack("M1")
@pytest.mark.parametrize("recipient", ["a@example.org", "a@localhost", "a.b+c@mail.internal", "o'neill@example.org"])
def test_addresses_of_a_local_network_are_addresses(recipient: str) -> None:
    with relay() as server, plain(server).session(recipient):
        pass
    assert server.lines[-1].lower() == f"rcpt to:<{recipient}>"


@pytest.mark.parametrize(("name", "greeting"), [("mp3.example.org", "ehlo mp3.example.org"), ("", "ehlo ")])
def test_the_name_that_greets_the_relay(name: str, greeting: str) -> None:
    with relay() as server:
        url = f"smtp://127.0.0.1:{server.port}?tls=none"
        send(Mailer(Settings(url, "MP3 <mp3@example.org>", name, 5.0, 5.0)))
    assert server.lines[0].startswith(greeting)
    assert server.lines[0] != "ehlo "


@pytest.mark.parametrize("code", [454, 535, 538])
def test_a_refused_login_postpones_the_mail(code: int) -> None:
    with relay({"EHLO": "250-relay\n250 AUTH PLAIN", "AUTH": f"{code} no"}) as server, pytest.raises(Postponed):
        send(plain(server, "ada:word@"))
    assert server.lines[-1].startswith("AUTH")


def test_the_user_and_password_of_the_url_are_decoded() -> None:
    with relay({"EHLO": "250-relay\n250 AUTH PLAIN", "AUTH": "235 welcome"}) as server:
        send(plain(server, "ada%40example.org:p%2Fw%3A@"))
    [line] = [line for line in server.lines if line.startswith("AUTH PLAIN ")]
    assert base64.b64decode(line.split()[2]) == b"\0ada@example.org\0p/w:"


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_that_ends_before_the_mail_postpones_it(step: str) -> None:
    with relay(scripted(step, None)) as server, pytest.raises(Postponed):
        send(plain(server))
    assert server.taken == []


def test_a_connection_that_ends_after_the_final_dot_is_unknown() -> None:
    """The relay has the mail, but the client cannot know that (RFC 1047)."""
    with relay({"dot": None}) as server, pytest.raises(Unanswered):
        send(plain(server))
    assert len(server.taken) == 1


def test_the_reply_to_a_mail_has_its_own_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay may check a mail for minutes."""
    limits: list[float | None] = []
    getreply = smtplib.SMTP.getreply

    def watched(connection: smtplib.SMTP) -> tuple[int, bytes]:
        assert connection.sock
        limits.append(connection.sock.gettimeout())
        return getreply(connection)

    monkeypatch.setattr(smtplib.SMTP, "getreply", watched)
    with relay() as server:
        send(mailer(f"smtp://127.0.0.1:{server.port}?tls=none", final_timeout=300.0))
    assert limits == [5.0] * 5 + [300.0]


def test_a_relay_that_is_silent_after_the_mail_is_unknown() -> None:
    with relay({"dot": "250-ok, and more to come"}) as server, pytest.raises(Unanswered):
        send(mailer(f"smtp://127.0.0.1:{server.port}?tls=none", final_timeout=0.05))


@pytest.mark.attack("M3")
def test_without_starttls_a_relay_gets_neither_mail_nor_password() -> None:
    with relay({"EHLO": "250-relay\n250 AUTH PLAIN"}) as server, pytest.raises(Postponed):
        send(mailer(f"smtp://ada:word@127.0.0.1:{server.port}"))
    assert [line.split()[0] for line in server.lines] == ["ehlo"]


@pytest.mark.attack("M3")
@pytest.mark.parametrize("answer", ["454 not now", "501 never", "220 go on"])
def test_failed_starttls_postpones_the_mail(answer: str) -> None:
    """After 220, TLS does not start."""
    with relay({"EHLO": "250-relay\n250 STARTTLS", "STARTTLS": answer}) as server, pytest.raises(Postponed):
        send(mailer(f"smtp://127.0.0.1:{server.port}"))
    assert [line.split()[0] for line in server.lines[:2]] == ["ehlo", "STARTTLS"]
    assert server.taken == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    return self_signed(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.mark.parametrize(
    ("host", "trusted", "sent"), [("localhost", True, True), ("localhost", False, False), ("127.0.0.1", True, False)]
)
def test_only_a_relay_that_proves_its_name_gets_the_password_and_the_mail(
    host: str, trusted: bool, sent: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    answers = {"EHLO": "250-relay\n250-AUTH PLAIN\n250 STARTTLS", "STARTTLS": "220 go on", "AUTH": "235 welcome"}
    with relay(answers, tls) as server:
        through = mailer(f"smtp://ada:word@{host}:{server.port}")
        if sent:
            send(through)
        else:
            with pytest.raises(Postponed):
                send(through)
    assert [line.split()[0].upper() for line in server.lines[2:]] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"] * sent
    assert len(server.taken) == sent


def test_implicit_tls_needs_no_starttls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with relay({"EHLO": "250-relay\n250 AUTH PLAIN", "AUTH": "235 welcome"}, tls, implicit=True) as server:
        send(mailer(f"smtps://ada:word@localhost:{server.port}"))
    assert [line.split()[0].upper() for line in server.lines] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


def test_implicit_tls_sends_nothing_in_plain_text() -> None:
    with relay() as server, pytest.raises(Postponed):
        send(mailer(f"smtps://ada:word@127.0.0.1:{server.port}"))
    assert "word" not in "".join(server.lines)
    assert server.taken == []


def test_a_relay_that_does_not_listen_postpones_the_mail() -> None:
    with pytest.raises(Postponed):
        send(mailer(CLOSED))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("smtp://relay", "relay", 587),
        ("smtps://relay", "relay", 465),
        ("smtp://relay:25?tls=none", "relay", 25),
        ("smtps://user:word@[::1]:10465", "::1", 10465),
    ],
)
def test_the_port_follows_the_scheme(url: str, host: str, port: int) -> None:
    made = mailer(url)
    assert (made._host, made._port) == (host, port)


def test_other_values_for_tls_are_refused() -> None:
    with pytest.raises(ConfigError, match="SMTP_URL takes tls=required or tls=none"):
        mailer("smtp://relay?tls=maybe")
