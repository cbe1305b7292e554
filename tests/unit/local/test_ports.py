"""Ports: chosen once and remembered, replaced if they are taken, and never given out twice."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from itertools import count

import pytest

from local import ports, stack_file
from local.home import Home
from local.ports import HIGHEST, HOST, LOWEST, SERVERS
from local.problem import Problem

FUNCTIONS = stack_file.functions()
FIXED = [*SERVERS, *FUNCTIONS]


def taken(chosen: dict[str, int]) -> list[int]:
    """Return all ports in use, also those that follow a server's first one."""
    return [first + step for name, first in chosen.items() for step in range(SERVERS.get(name, 1))]


def write(home: Home, content: str) -> None:
    (home.path / "ports.json").write_text(content)


@pytest.fixture
def all_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other program uses a port."""
    monkeypatch.setattr(ports, "_bind_error", lambda port: None)


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch, all_free: None) -> None:
    """Random ports are drawn in order."""
    drawn = count(LOWEST)
    monkeypatch.setattr("random.randrange", lambda lowest, highest: next(drawn))


def test_every_server_and_function_has_ports_of_its_own(home: Home) -> None:
    chosen = ports.assign(home, None)
    assert set(chosen) == {*FIXED, "gateway"}
    assert len(set(taken(chosen))) == len(taken(chosen))
    assert all(LOWEST <= port < HIGHEST for port in taken(chosen))
    assert ports.load(home) == chosen


def test_overlapping_ports_are_not_drawn(home: Home, draws: None) -> None:
    chosen = ports.assign(home, None)
    assert sorted(taken(chosen)) == list(range(LOWEST, LOWEST + len(taken(chosen))))


def test_ports_are_remembered(home: Home, all_free: None) -> None:
    first = ports.assign(home, None)
    second = ports.assign(home, None)
    assert {name: second[name] for name in FIXED} == {name: first[name] for name in FIXED}


@pytest.mark.parametrize("name", ["mongodb", "login"])
def test_a_taken_port_is_replaced(name: str, home: Home) -> None:
    first = ports.assign(home, None)
    with socket.socket() as other:
        other.bind((HOST, first[name]))
        other.listen()
        second = ports.assign(home, None)
    assert second[name] != first[name]
    others = [each for each in FIXED if each != name]
    assert {each: second[each] for each in others} == {each: first[each] for each in others}


def test_a_range_is_replaced_if_one_of_its_ports_is_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ports.assign(home, None)["rabbitmq-dist"]
    monkeypatch.setattr(ports, "_bind_error", lambda port: OSError() if port == first + 11 else None)
    assert ports.assign(home, None)["rabbitmq-dist"] != first


@pytest.mark.parametrize("port", [0, 80, LOWEST - 1, HIGHEST, 65_536])
def test_a_remembered_port_out_of_range_is_replaced(port: int, home: Home, all_free: None) -> None:
    write(home, json.dumps({"mysql": port}))
    assert LOWEST <= ports.assign(home, None)["mysql"] < HIGHEST


@pytest.mark.parametrize("content", ["", "{", '{"mysql": "x"}', '{"mysql": 2'])
def test_a_damaged_file_is_ignored(content: str, home: Home, all_free: None) -> None:
    write(home, content)
    assert ports.load(home) == {}
    assert set(ports.assign(home, None)) == {*FIXED, "gateway"}


def test_a_function_added_since_the_last_start_gets_a_port(home: Home, all_free: None) -> None:
    first = ports.assign(home, None)
    write(home, json.dumps({name: port for name, port in first.items() if name != "sweep"}))
    second = ports.assign(home, None)
    assert second["sweep"] not in taken({name: port for name, port in second.items() if name != "sweep"})
    assert second["login"] == first["login"]


def test_the_gateway_gets_the_port_the_user_wants(home: Home, all_free: None) -> None:
    assert ports.assign(home, 8080)["gateway"] == 8080
    assert ports.assign(home, 9000)["gateway"] == 9000


@pytest.mark.parametrize("name", ["mysql", "rabbitmq-dist", "login"])
def test_a_server_gives_way_to_the_gateway(name: str, home: Home, all_free: None) -> None:
    wanted = ports.assign(home, None)[name] + SERVERS.get(name, 1) - 1
    chosen = ports.assign(home, wanted)
    assert chosen["gateway"] == wanted
    assert taken(chosen).count(wanted) == 1


def test_a_taken_gateway_port_is_reported(home: Home) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem, match=rf"^Port {port} is in use .* ./local/up --port {port + 1}$"):
            ports.assign(home, port)


def test_a_gateway_port_below_1024_needs_root(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_bind_error", lambda port: PermissionError() if port == 80 else None)
    with pytest.raises(Problem, match="Port 80 is reserved for root"):
        ports.assign(home, 80)


@pytest.mark.parametrize("free", [[], range(LOWEST, LOWEST + 11)])
def test_a_lack_of_ports_is_reported(free: Iterable[int], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_bind_error", lambda port: None if port in free else OSError())
    with pytest.raises(Problem, match="No free port was found between 20000 and 32000"):
        ports.assign(home, None)


def test_a_port_is_free_until_a_server_listens() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.is_free(port)
    assert ports.is_free(port)
