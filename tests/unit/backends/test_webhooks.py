"""The receivers of webhooks: what is sent, which addresses are refused, and that none can hold a function."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions.backends import webhooks
from functions.backends.webhooks import Forbidden, Sender, Unanswered
from functions.common.config import load
from functions.common.settings import Webhooks
from tests.clients.serving import serving
from tests.unit.backends.certificates import PAST, Authority
from tests.unit.backends.receiver import OK, Receiver, answering, receiver

LOOPBACK = "127.0.0.1/32"
NAME = "receiver.example"
HEADERS = {"Content-Type": "application/cloudevents+json", "webhook-id": "a.1", "User-Agent": "mp3converter"}
BODY = b'{"id": "a.1"}'
SHORT_SECONDS = "0.3"


def sender(networks: str = LOOPBACK, **settings: str) -> Sender:
    return Sender(load(Webhooks, {"WEBHOOK_NETWORKS": networks, **settings}))


def post(url: str, by: Sender | None = None) -> int:
    return (by or sender()).post(url, HEADERS, BODY)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only authority that is trusted."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


Names = dict[str, Iterator[list[str]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The names that can be looked up: for each, what it stands for at the first time, the second, and so on."""
    known: Names = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *arguments: Any, **named: Any) -> list[Any]:
        addresses = next(known[host]) if host in known else [host]
        return [found for address in addresses for found in look_up(address, port, *arguments, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def always(*addresses: str) -> Iterator[list[str]]:
    return itertools.repeat(list(addresses))


@pytest.fixture
def never_connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections that were tried."""
    tried: list[Any] = []

    def connect(_socket: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


def test_a_webhook_is_one_request() -> None:
    with receiver() as server:
        assert post(server.url(path="/a/b?c=d")) == 200
    (got,) = server.got
    assert got.line == "POST /a/b?c=d HTTP/1.1"
    assert got.body == BODY
    expected = {name.lower(): value for name, value in HEADERS.items()}
    expected |= {"host": f"127.0.0.1:{server.port}", "content-length": str(len(BODY)), "connection": "close"}
    assert got.fields == expected | {"accept-encoding": "identity"}


@pytest.mark.parametrize("status", [200, 202, 204, 299, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_every_status_is_returned_and_no_redirect_is_followed(status: int) -> None:
    with receiver() as elsewhere, receiver(answering(status, f"Location: {elsewhere.url()}\r\n")) as server:
        assert post(server.url()) == status
    assert (server.calls, elsewhere.calls) == (1, 0)


def test_that_it_may_go_on_is_no_answer() -> None:
    with receiver(b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK) as server:
        assert post(server.url()) == 200


def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(answering(500)) as proxy, receiver() as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(server.url()) == 200
    assert proxy.calls == 0


def test_tls_verifies_the_name_though_the_address_is_called(authority: Authority, names: Names) -> None:
    names[NAME] = always("127.0.0.1")
    with receiver(tls=authority.server(NAME)) as server:
        assert post(server.url(NAME)) == 200
    assert server.names == [NAME]
    assert server.got[0].fields["host"] == f"{NAME}:{server.port}"


def other_name(authority: Authority) -> ssl.SSLContext:
    return authority.server("other.example")


def expired(authority: Authority) -> ssl.SSLContext:
    return authority.server(NAME, end=PAST)


def self_signed(authority: Authority) -> ssl.SSLContext:
    return authority.server(NAME, self_signed=True)


def old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.server(NAME)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.parametrize("made", [other_name, expired, self_signed, old_tls])
def test_a_server_that_is_not_who_it_says_gets_nothing(
    made: Callable[[Authority], ssl.SSLContext], authority: Authority, names: Names
) -> None:
    names[NAME] = always("127.0.0.1")
    with receiver(tls=made(authority)) as server, pytest.raises(Unanswered):
        post(server.url(NAME))
    assert server.got == []


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 10.0.0.1 169.254.169.254 100.64.0.1 224.0.0.1 0.0.0.0 168.63.129.16 ::1 ::ffff:127.0.0.1
    64:ff9b::7f00:1 fd00:ec2::254 fe80::1 ff02::1 2002:7f00:1::""".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("beside", [[], ["1.1.1.1"]])
def test_a_name_that_stands_for_one_of_our_addresses_is_refused(
    address: str, beside: list[str], names: Names, never_connected: list[Any]
) -> None:
    """Also if it stands for a public one, too."""
    names[NAME] = always(*beside, address)
    with pytest.raises(Forbidden):
        post(f"https://{NAME}/", sender(networks=""))
    assert never_connected == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0"])
def test_numbers_that_the_system_reads_as_addresses_are_refused(host: str, never_connected: list[Any]) -> None:
    with pytest.raises(Forbidden):
        post(f"https://{host}/", sender(networks=""))
    assert never_connected == []


@pytest.mark.parametrize("url", ["http://1.1.1.1/", "https://1.1.1.1:22/", "https://u@1.1.1.1/", "file:///etc/passwd"])
def test_what_the_settings_do_not_allow_is_refused(url: str, never_connected: list[Any]) -> None:
    with pytest.raises(Forbidden):
        post(url)
    assert never_connected == []


def test_http_goes_to_own_networks_alone(names: Names, never_connected: list[Any]) -> None:
    names[NAME] = always("1.1.1.1")
    with pytest.raises(Forbidden):
        post(f"http://{NAME}/")
    assert never_connected == []


def test_a_name_that_changes_is_looked_up_once(names: Names) -> None:
    """DNS rebinding: the address that was checked is the one that is called."""
    names[NAME] = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
    with receiver() as checked, receiver(host="127.0.0.2", port=checked.port) as inside:
        assert post(checked.url(NAME)) == 200
        assert (checked.calls, inside.calls) == (1, 0)
        with pytest.raises(Forbidden):
            post(checked.url(NAME))
    assert inside.calls == 0


def test_the_next_address_is_tried_if_one_does_not_answer(names: Names) -> None:
    names[NAME] = always("127.0.0.3", "127.0.0.1")
    with receiver() as server:
        assert post(server.url(NAME), sender(networks="127.0.0.0/24")) == 200


def test_no_more_than_four_addresses_are_tried(names: Names, never_connected: list[Any]) -> None:
    names[NAME] = always(*(f"1.1.1.{number}" for number in range(1, 100)))
    with pytest.raises(Unanswered):
        post(f"https://{NAME}/", sender(networks=""))
    assert [address for address, _ in never_connected] == ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]


def test_a_name_that_is_unknown_may_be_known_later() -> None:
    with pytest.raises(Unanswered):
        post("https://nowhere.invalid/")


def test_a_receiver_that_is_down() -> None:
    with receiver() as server:
        url = server.url()
    with pytest.raises(Unanswered):
        post(url)


def forever(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


ENDLESS = {
    "nothing": (),
    "a byte at a time": itertools.chain([b"H"], itertools.repeat(b"T")),
    "fields, slowly": itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"a: b\r\n")),
    "that it may go on": itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_does_not_end_has_a_deadline(answer: Iterator[bytes]) -> None:
    with receiver(itertools.chain(answer, _silence())) as server, pytest.raises(Unanswered) as error:
        post(server.url(), sender(WEBHOOK_TIMEOUT_SECONDS=SHORT_SECONDS))
    assert isinstance(error.value.__cause__, TimeoutError)


def _silence() -> Iterator[bytes]:
    """Keep the connection open for longer than the deadline."""
    time.sleep(5 * float(SHORT_SECONDS))
    yield b""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1_000_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 10_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000_000,
        b"x" * 10_000_000,
        b"\x00\xff" * 100,
        b"220 smtp.example.org ESMTP\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 9999 OK\r\n\r\n",
        b"",
    ],
    ids=["fields", "a field", "continue", "one line", "binary", "SMTP", "letters", "status", "end"],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    with receiver(answer) as server, pytest.raises(Unanswered):
        post(server.url())
    assert server.calls == 1


def test_a_body_is_not_read() -> None:
    """However long it is, and whatever it is coded with."""
    long = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with receiver(itertools.chain([long], forever(b"fff\r\n" + b"\0" * 4095 + b"\r\n"))) as server:
        assert post(server.url()) == 200


class Silent(Receiver):
    """Sends the beginning of a TLS handshake, a byte at a time."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Send what looks like a record that is long."""
        self.calls += 1
        request.recv(1)
        request.sendall(b"\x16\x03\x03\x40\x00\x02")
        for _ in range(500):
            time.sleep(0.02)
            request.sendall(b"\0")


def test_a_handshake_has_the_same_deadline() -> None:
    with serving(Silent([], None, "127.0.0.1", 0)) as server, pytest.raises(Unanswered) as error:
        post(f"https://127.0.0.1:{server.port}/", sender(WEBHOOK_TIMEOUT_SECONDS=SHORT_SECONDS))
    assert server.calls == 1
    assert isinstance(error.value.__cause__, TimeoutError)


def test_time_that_is_up_before_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as server:
        url, by = server.url(), sender()
        monkeypatch.setattr(webhooks, "time", SimpleNamespace(monotonic=iter([0.0, 99.0, 99.0]).__next__))
        with pytest.raises(Unanswered):
            post(url, by)
    assert server.calls == 0
