"""Handing a mail over: what was taken, what was not, and what nobody can tell."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest

from functions.backends.mail import Mailer, Postponed, Refused, Unanswered
from functions.common.settings import Relay

TAKEN: list[bytes] = []


class Relaying(socketserver.StreamRequestHandler):
    """Speak SMTP as a script says: verb to answer; None hangs up instead of answering."""

    script: dict[str, str | None] = {}  # noqa: RUF012 - set by each test

    def handle(self) -> None:
        if not self._answer("greeting", "220 relay"):
            return
        while line := self.rfile.readline():
            verb = line.split()[0].decode().upper()
            if verb == "DATA":
                if not self._answer(verb, "354 go on"):
                    return
                TAKEN.append(self._body())
                verb = "dot"
            if not self._answer(verb, "250 ok"):
                return

    def _answer(self, verb: str, default: str) -> bool:
        answer = self.script.get(verb, default)
        if answer:
            self.wfile.write(answer.encode() + b"\r\n")
        return bool(answer) and not str(answer).startswith("221")

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)


@contextmanager
def relay(**script: str | None) -> Iterator[Mailer]:
    TAKEN.clear()
    handler = type("Scripted", (Relaying,), {"script": script})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield mailer(f"smtp://127.0.0.1:{server.server_address[1]}?tls=none")
        server.shutdown()


def mailer(url: str) -> Mailer:
    return Mailer(Relay(url, "MP3 <mp3@example.org>", 5.0, 5.0))


def letter() -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Ü", "mp3@example.org", "a@example.org"
    made.set_content("one\n.\n..two\n.three\n")
    return made


def send(through: Mailer) -> None:
    with through.session("a@example.org") as session:
        session.hand_over(letter())


def test_taken_by_the_real_catcher(smtp: str) -> None:
    """The same steps against the server that local/ runs."""
    send(mailer(smtp))


def test_taken_with_its_dots() -> None:
    """A line that is a dot does not end the mail."""
    with relay() as through:
        send(through)
    assert TAKEN[0].split(b"\r\n\r\n")[-1].split(b"\r\n") == [b"one", b"..", b"...two", b"..three", b""]


@pytest.mark.parametrize("verb", ["greeting", "ehlo", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("answer", ["421 later", "451 later"])
def test_a_temporary_answer_may_be_repeated(verb: str, answer: str) -> None:
    """4xx at any step: not taken, try again."""
    verbs = ("EHLO", "HELO") if verb == "ehlo" else (verb,)
    with relay(**dict.fromkeys(verbs, answer)) as through, pytest.raises(Postponed):
        send(through)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "dot"])
def test_a_permanent_answer_ends_it(verb: str) -> None:
    """5xx: never taken."""
    with relay(**{verb: "550 no such user"}) as through, pytest.raises(Refused):
        send(through)


@pytest.mark.parametrize("verb", ["greeting", "MAIL", "RCPT", "DATA"])
def test_a_cut_before_the_mail_may_be_repeated(verb: str) -> None:
    """Nothing was handed over yet."""
    with relay(**{verb: None}) as through, pytest.raises(Postponed):
        send(through)
    assert not TAKEN


def test_a_cut_after_the_final_dot_leaves_it_open() -> None:
    """The relay has the mail, and we cannot know (RFC 1047)."""
    with relay(dot=None) as through, pytest.raises(Unanswered):
        send(through)
    assert len(TAKEN) == 1


def test_tls_is_required_unless_it_is_turned_off() -> None:
    """A relay without STARTTLS gets no mail and no password."""
    with relay() as through, pytest.raises(Postponed):
        send(mailer(f"smtp://user:secret@127.0.0.1:{through._port}"))
    assert not TAKEN


def test_a_relay_that_is_away() -> None:
    """Refused connections may pass."""
    with pytest.raises(Postponed):
        send(mailer("smtp://127.0.0.1:1?tls=none"))
