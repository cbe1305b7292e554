"""RabbitMQ's topology: errors that a broker would ignore, users, and permissions."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.backends import definitions
from local.problem import Problem

Break = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda found: found.pop("queues"), "the list 'queues' is missing"),
        (lambda found: found.update(bindings=[]), "the list 'bindings' is missing"),
        (lambda found: found["queues"].pop(3), "unknown destination 'mp3s.dead'"),
        (lambda found: found["exchanges"].pop(1), "unknown dead-letter exchange 'mp3converter.dead'"),
        (lambda found: found["exchanges"].pop(0), "unknown source 'mp3converter'"),
        (lambda found: found["vhosts"][0].update(name="other"), "vhost 'mp3converter' is not declared"),
        (lambda found: found["queues"][0].update(vhost="other"), "vhost 'other' is not declared"),
        (lambda found: found["queues"][3]["arguments"].pop("x-delivery-limit"), "'mp3s.dead' needs x-delivery-limit"),
        (
            lambda found: found["queues"][3]["arguments"].update({"x-delivery-limit": 999_999}),
            "'mp3s.dead' needs x-delivery-limit 1000000",
        ),
    ],
)
def test_definitions_that_would_lose_messages_are_refused(
    break_it: Break, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = definitions.load()
    break_it(found)
    assert error in "; ".join(definitions.check(found))
    (tmp_path / "definitions.json").write_text(json.dumps(found))
    monkeypatch.setattr(definitions, "FILE", tmp_path / "definitions.json")
    with pytest.raises(Problem, match=rf"^knative/base/definitions\.json has errors: .*{re.escape(error)}"):
        definitions.load()


@pytest.mark.parametrize("content", ["", "{", None])
def test_a_damaged_file_is_reported(content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "definitions.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(definitions, "FILE", file)
    with pytest.raises(Problem, match=r"is not valid JSON: .* Restore it with: git checkout"):
        definitions.load()


def test_only_the_admin_has_every_right() -> None:
    """No other user can declare anything."""
    found = json.loads(definitions.with_users({user: "word" for user in definitions.PERMISSIONS}))
    permissions = {each["user"]: each for each in found["permissions"]}
    assert permissions.keys() == {"admin", "functions", "connector", "operator"}
    assert {each["vhost"] for each in permissions.values()} == {"mp3converter"}
    assert {user for user, each in permissions.items() if each["configure"] != "^$"} == {"admin"}
    assert {each["name"] for each in found["users"] if each["tags"]} == {"admin"}


@pytest.mark.parametrize(
    ("user", "right", "names"),
    [
        ("functions", "write", {"mp3converter"}),
        ("functions", "read", set()),
        ("connector", "write", set()),
        ("connector", "read", {"videos", "mp3s"}),
        ("operator", "write", {"mp3converter"}),
        ("operator", "read", {"videos.dead", "mp3s.dead"}),
    ],
)
def test_a_right_matches_exactly_these_names(user: str, right: str, names: set[str]) -> None:
    found = definitions.load()
    known = {item["name"] for kind in ("exchanges", "queues") for item in found[kind]} | {"videos-dead", "xmp3s"}
    assert {name for name in known if re.search(definitions.PERMISSIONS[user][right], name)} == names


def test_a_password_is_hashed_as_rabbitmq_does() -> None:
    """The hash is of the salt, four bytes, and the password."""
    hashes = {definitions.password_hash("wörd") for _ in range(3)}
    assert len(hashes) == 3
    for each in hashes:
        raw = base64.b64decode(each)
        assert raw[4:] == hashlib.sha256(raw[:4] + "wörd".encode()).digest()


def test_no_password_is_in_the_definitions() -> None:
    assert "sesame" not in definitions.with_users({"admin": "sesame"})


def test_another_vhost_has_the_same_topology() -> None:
    found, wanted = json.loads(definitions.in_vhost("v-1")), definitions.load()
    assert found["vhosts"] == [{"name": "v-1"}]
    for kind in ("exchanges", "queues", "bindings"):
        assert found[kind] == [{**item, "vhost": "v-1"} for item in wanted[kind]]
    assert {each["vhost"] for each in found["permissions"]} == {"v-1"}
