"""Effects: the command line of the program in the cage."""

from __future__ import annotations

import json

from functions.convert import effects
from functions.convert.effects import Wanted


def test_the_command_line_of_the_program() -> None:
    wanted = Wanted(44_100, 12.5, 3.0, 1.25, 0.5, 1.0, 2.0)
    assert Wanted(**json.loads(effects.command(wanted)[-1])) == wanted
    assert "PATH" not in effects.environment()
