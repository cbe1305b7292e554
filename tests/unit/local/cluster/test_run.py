"""Programs: their output is returned, and their errors come with advice."""

from __future__ import annotations

import sys

import pytest

from local.cluster import run
from local.problem import Problem

ADVICE = "Try again."


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_the_output_is_returned() -> None:
    code = "import sys; sys.stderr.write('noise'); print(sys.stdin.read().upper())"
    assert run.run(python(code), advice=ADVICE, given="word") == "WORD\n"


def test_an_error_ends_with_advice() -> None:
    code = "import sys; print('on stdout'); sys.exit('on stderr')"
    with pytest.raises(Problem) as problem:
        run.run(python(code), advice=ADVICE)
    assert str(problem.value) == "    on stderr\nTry again."
    with pytest.raises(Problem, match=r"^    on stdout\nTry again\.$"):
        run.run(python("print('on stdout'); raise SystemExit(3)"), advice=ADVICE)


def test_a_missing_program_is_reported() -> None:
    with pytest.raises(Problem, match=r"^/nonexistent/kind was not found\. Try again\.$"):
        run.run(["/nonexistent/kind"], advice=ADVICE)


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_SECONDS", 0.1)
    with pytest.raises(Problem, match=r"sleep was still running after 0\.1 s\. Try again\."):
        run.run(["sleep", "60"], advice=ADVICE)


def test_only_the_end_of_a_long_output_is_shown() -> None:
    lines = run.explain("\n".join(map(str, range(100))), ADVICE).splitlines()
    assert lines == [*(f"    {number}" for number in range(85, 100)), ADVICE]


@pytest.mark.parametrize("part", run.ADVICE)
def test_a_known_error_has_its_own_advice(part: str) -> None:
    assert run.explain(f"error: {part} (x)", ADVICE).splitlines()[-1] == run.ADVICE[part]
