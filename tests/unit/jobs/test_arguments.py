"""The operator's command line, which python -m functions.jobs and ./local/jobs share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from functions.jobs import arguments

ROOT = Path(__file__).resolve().parents[3]
ID = "376b7472-1f38-4307-b0c5-8df8aa6286ed"
PROGRAMS = {"./local/jobs": ["./local/jobs"], "python -m functions.jobs": [sys.executable, "-m", "functions.jobs"]}


@pytest.mark.parametrize(
    ("words", "action", "given"),
    [
        ("dead", "dead", {}),
        (f"replay {ID}", "replay", {"id": ID, "all": False}),
        ("replay --all", "replay", {"id": None, "all": True}),
        (f"retry {ID}", "retry", {"id": ID}),
        (f"mail {ID}", "mail", {"id": ID}),
        (f"revoke {ID}", "revoke", {"id": ID}),
        (f"delete {ID}", "delete", {"id": ID}),
    ],
)
def test_valid_command_lines(words: str, action: str, given: dict[str, object]) -> None:
    assert vars(arguments.parser("x").parse_args(words.split())) == {"action": action, **given}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "ACTION"),
        ("revive", "revive"),
        ("replay", "one of the arguments ID --all is required"),
        (f"replay --all {ID}", "not allowed with"),
        ("replay --al", "is required"),
        ("retry", "ID"),
        ("retry 7", "an id looks like"),
        (f"delete {ID.upper()}", "an id looks like"),
        (f"dead {ID}", "unrecognized arguments"),
    ],
)
def test_invalid_command_lines(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        arguments.parser("x").parse_args(words.split())
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "replay", "delete"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_both_commands_show_the_same_help(
    program: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = [*PROGRAMS[program], *words.split(), "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    with pytest.raises(SystemExit):
        arguments.parser(program).parse_args([*words.split(), "--help"])
    assert done.stdout == capsys.readouterr().out
    assert done.stdout.startswith(f"usage: {program}")


def test_it_is_parsed_without_packages() -> None:
    """./local/jobs parses it with any Python, before it installs anything."""
    read = "from functions.jobs import arguments; arguments.parser('x').parse_args()"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, ''); {read}", "retry", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "an id looks like" in done.stderr) == (2, True), done.stderr
