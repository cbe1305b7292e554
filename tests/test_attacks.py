"""The table of attacks: each row has a test that bears its number, or a reason why it does not apply."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
_NUMBER = re.compile(r"[A-Z]\d+")
LETTERS = {"A": 26, "B": 22, "C": 11, "E": 10, "D": 8, "M": 6, "S": 12}


class Row(NamedTuple):
    """A row of the table: its number, attack, the right answer, and why it does not apply."""

    number: str
    attack: str
    answer: str
    reason: str


def rows(table: str) -> list[Row]:
    """Return the rows of the table."""
    cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
    return [Row(*row) for row in cells if row and _NUMBER.fullmatch(row[0])]


def marked(source: str) -> set[str]:
    """Return the numbers that tests in a source bear, by `pytest.mark.attack`."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    attacks = (call for call in calls if ast.unparse(call.func) == "pytest.mark.attack")
    return {ast.literal_eval(argument) for call in attacks for argument in call.args}


def shown() -> dict[str, set[str]]:
    """Return the files whose tests bear a number, by number."""
    by_number: dict[str, set[str]] = {}
    for file in TESTS.rglob("test_*.py"):
        source = file.read_text()
        for number in marked(source) if "mark.attack" in source else ():
            by_number.setdefault(number, set()).add(str(file.relative_to(TESTS)))
    return by_number


TABLE = rows((TESTS / "attacks.md").read_text())


def test_the_table_has_every_row_once() -> None:
    wanted = [f"{letter}{number}" for letter, most in LETTERS.items() for number in range(1, most + 1)]
    assert [row.number for row in TABLE] == wanted


def test_a_row_has_an_answer_or_a_reason() -> None:
    assert [row.number for row in TABLE if bool(row.answer) == bool(row.reason)] == []


def test_every_attack_has_a_test_or_a_reason() -> None:
    by_number = shown()
    missing = [row.number for row in TABLE if not row.reason and row.number not in by_number]
    assert missing == []


def test_no_test_bears_a_number_without_a_row() -> None:
    applicable = {row.number for row in TABLE if not row.reason}
    assert {number: files for number, files in shown().items() if number not in applicable} == {}


def test_a_mark_is_found_where_ever_it_stands() -> None:
    source = """
pytestmark = [pytest.mark.slow, pytest.mark.attack("A1")]

@pytest.mark.attack("A2", "A3")
def test_one(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.attack("A4"))])
class TestMore:
    @pytest.mark.attack("A5")
    async def test_two(self): ...

# pytest.mark.attack("A6")
"""
    assert marked(source) == {"A1", "A2", "A3", "A4", "A5"}


def test_a_row_is_read_as_it_is_written() -> None:
    table = "| row | attack | must happen | does not apply, because |\n| A1 | one | two | |\n| E1 | three | | four |\n"
    assert rows(table) == [Row("A1", "one", "two", ""), Row("E1", "three", "", "four")]
