"""Progress: one line per step, and the end of the output of a step that fails."""

from __future__ import annotations

import io
import sys

import pytest

from local.problem import Problem
from local.progress import LAST_LINES, Progress


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_step_that_succeeds_shows_its_title_and_time() -> None:
    output = io.StringIO()
    Progress(output).run("Installing", python("print('one'); print('two')"), "Try again.")
    first, last = output.getvalue().splitlines()
    assert first == "Installing"
    assert last.startswith("Installing: done in ")
    assert last.endswith(" s")


def test_a_step_that_fails_shows_the_end_of_its_output_and_advice() -> None:
    output = io.StringIO()
    code = "import sys; [print(n) for n in range(100)]; sys.stdout.flush(); sys.exit('on stderr')"
    with pytest.raises(Problem) as problem:
        Progress(output).run("Installing", python(code), "Try again.")
    lines = str(problem.value).splitlines()
    assert lines[-3:] == ["    99", "    on stderr", "Try again."]
    assert len(lines) <= LAST_LINES + 2
    assert output.getvalue().splitlines() == ["Installing", "Installing: failed"]


def test_output_that_is_not_text_is_shown_too() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xff\n'); sys.exit(1)"
    with pytest.raises(Problem, match="    \ufffd\n"):
        Progress(io.StringIO()).run("Installing", python(code), "Try again.")


def test_a_terminal_shows_steps_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long would wrap, and could not be overwritten."""
    monkeypatch.setenv("COLUMNS", "20")
    output = Terminal()
    progress = Progress(output)
    progress.step("x" * 100)
    progress.step("second", last=False)
    progress.done("y" * 30)
    assert output.getvalue() == f"\r\033[K{'x' * 19}\r\033[Ksecond\r\033[K{'y' * 30}\n"


def test_without_a_terminal_only_important_lines_are_printed() -> None:
    output = io.StringIO()
    progress = Progress(output)
    progress.step("first")
    progress.step("noise", last=False)
    progress.done("done")
    assert output.getvalue() == "first\ndone\n"
