"""The options of the command line are those of the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mp3converter_client import arguments, options, show

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = json.loads((ROOT / "functions/jobs/openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def parsed(*words: str) -> Any:
    return arguments.parser("mp3").parse_args(words)


def test_they_are_those_of_the_document() -> None:
    command = "(cd local/client && python -m mp3converter_client.options < ../../functions/jobs/openapi.json)"
    assert options.known() == options.described(DOCUMENT), f"run {command}"
    assert list(options.known()) == list(SCHEMAS["ChosenOptions"]["properties"])


def test_states_and_notes_are_those_of_the_document() -> None:
    assert list(arguments._STATES) == SCHEMAS["State"]["enum"]
    assert list(show.NOTES) == SCHEMAS["Mp3"]["properties"]["notes"]["items"]["enum"]


@pytest.mark.parametrize("command", ["convert", "retry"])
def test_each_can_be_given(command: str) -> None:
    given = {name: str(about["example"]) for name, about in options.known().items()}
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    assert arguments.given_options(parsed(command, "x", *words)) == given
    assert arguments.given_options(parsed(command, "x")) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bitrate", "100"),
        ("bitrate", "x"),
        ("quality", "2.5"),
        ("quality", "10"),
        ("volume", "nan"),
        ("volume", "11"),
        ("normalize", "-71"),
        ("start", "1:2:3:4"),
        ("track", "english"),
        ("title", "x" * 301),
        ("cover", "first"),
    ],
)
def test_a_wrong_value_is_wrong_usage(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("convert", "x", f"--{name}", value)
    assert caught.value.code == 2
    allowed = options.known()[name]["description"].rpartition("It takes ")[2]
    assert capsys.readouterr().err.endswith(f"argument --{name}: it takes {allowed}\n")


@pytest.mark.parametrize(("name", "value"), [("normalize", "-16"), ("cover", "none"), ("volume", "0"), ("title", "")])
def test_a_right_value_is_taken(name: str, value: str) -> None:
    assert arguments.given_options(parsed("convert", "x", f"--{name}", value)) == {name: value}
