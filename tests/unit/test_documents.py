"""The documents agree with the code and with each other, and are short enough to read."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest

from functions.common import transitions
from functions.common.transitions import Transition
from local import stack_file

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").is_file())
README_MOST_LINES = 180
NEW_FUNCTION_MOST_FILES = 15
FUNCTIONS = stack_file.functions()
DOCUMENTS = sorted(path.relative_to(ROOT) for path in ROOT.glob("*.md"))
DOCUMENTS += sorted(
    path.relative_to(ROOT)
    for folder in ("functions", "knative", "local", "tests")
    for path in ROOT.glob(f"{folder}/**/*.md")
    if "node_modules" not in path.parts  # other people's
)
RULE = re.compile(r"^(\d)\. \*\*", re.M)
REFERENCE = re.compile(r"functions/README\.md, rules? (\d)")
LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| ([^|]+) \| ([^|]+) \|$", re.M)


def _ends(states: tuple[str, ...], mail: tuple[str, ...], webhook: tuple[str, ...]) -> str:
    named = {"": states, "mail ": mail, "webhook ": webhook}
    return "; ".join(f"{name}{', '.join(each)}" for name, each in named.items() if each) or "unchanged"


def _row(row: Transition) -> tuple[str, str, str, str]:
    targets = (row.target, row.mail_target, row.webhook_target)
    target = _ends(*((each,) if each else () for each in targets))
    return row.name, row.who, _ends(row.source, row.mail, row.webhook), target


def test_the_table_of_transitions_agrees_with_the_code() -> None:
    """Every transition, in the code's order, with its function and its states."""
    shown = (ROOT / "functions" / "README.md").read_text().partition("| row |")[2].partition("\n\n")[0]
    assert ROW.findall(shown) == [_row(row) for row in transitions.TABLE]


def _tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "grep", "-lIE", pattern], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert listed.returncode in (0, 1), listed.stderr
    own = Path(__file__).resolve()
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name) != own]


def test_cited_rules_exist() -> None:
    known = RULE.findall((ROOT / "functions" / "README.md").read_text())
    assert known == [str(number) for number in range(1, 8)]
    cited = {path: REFERENCE.findall(path.read_text()) for path in _tracked(r"functions/README\.md, rules? [0-9]")}
    assert cited, "no rule is cited, so the pattern is wrong"
    assert {path.name: set(numbers) - set(known) for path, numbers in cited.items() if set(numbers) - set(known)} == {}


def test_no_unpublished_document_is_cited() -> None:
    assert [str(path.relative_to(ROOT)) for path in _tracked(r"DESIGN(\.md| section)|\(facts:|facts of every")] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_point_to_existing_files(document: Path) -> None:
    """Relative links name existing files."""
    found = [target for target, _ in LINK.findall((ROOT / document).read_text())]
    assert [target for target in found if not (ROOT / document.parent / target).exists()] == []


def _column(document: str, heading: str) -> list[str]:
    """Return the first cells of the first table below a heading."""
    lines = (ROOT / document).read_text().partition(f"\n## {heading}\n")[2].splitlines()
    table = takewhile(lambda line: line[:1] == "|", dropwhile(lambda line: line[:1] != "|", lines))
    return [line.strip("|").split(" | ")[0].strip() for line in table][2:]


@pytest.mark.parametrize(("document", "heading"), [("README.md", "Functions"), ("functions/README.md", "The steps")])
def test_the_tables_of_functions_are_complete(document: str, heading: str) -> None:
    named = [cell.strip("`") for cell in _column(document, heading)]
    assert [name for name in named if name not in ("", "all")] == list(FUNCTIONS)


NEW = [path for cell in _column("CONTRIBUTING.md", "A new function") for path in re.findall(r"`([^`]+)`", cell)]


def test_the_changelog_has_each_section_once_in_a_release() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]
    headings = [re.findall(r"^### (.+)$", release, re.M) for release in releases]
    assert headings[0]
    assert [found for found in headings if len(set(found)) < len(found)] == []


@pytest.mark.parametrize("path", [path for path in NEW if not path.startswith("tests/")])
def test_every_function_has_what_a_new_one_needs(path: str) -> None:
    for name, entry in FUNCTIONS.items():
        file = ROOT / path.replace("NAME", name)
        assert file.is_file()
        people_call_it = "jwt-public-keys" in entry["secrets"] or "jwt-private-key" in entry["secrets"]
        if "NAME" not in path and (people_call_it or not path.endswith("/Caddyfile")):
            assert re.search(rf"\b{name}\b", file.read_text())


def test_no_other_file_lists_the_functions() -> None:
    """Except tests: some of them choose the functions that they try."""
    tracked = _tracked(rf"\b{next(iter(FUNCTIONS))}\b")
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in tracked}
    listing = {path for path, text in texts.items() if all(re.search(rf"\b{name}\b", text) for name in FUNCTIONS)}
    assert {path for path in listing if not path.startswith("tests/")} <= {*NEW, "functions/SETTINGS.md"}
    assert "stack.yml" in listing


def test_a_new_function_touches_few_files() -> None:
    assert len(NEW) <= NEW_FUNCTION_MOST_FILES


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_MOST_LINES


def test_no_entry_of_the_changelog_stands_there_twice() -> None:
    """Merging keeps both versions of a line that was changed."""
    begun = Counter(line[:60] for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("- "))
    assert [beginning for beginning, count in begun.items() if count > 1] == []


def test_the_changelog_starts_with_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert released[0] == version
