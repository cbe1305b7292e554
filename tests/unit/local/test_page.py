"""The web page's files: built again when a source has changed, and only then."""

import io
import os
from pathlib import Path

import pytest

from local import page
from local.problem import Problem
from local.progress import Progress

BUILD = 'echo "$1 $PYTHON" >>"$(dirname "$0")/calls"; mkdir -p "$(dirname "$0")/built"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function's folder with sources, and a build that notes how it was called."""
    folder = tmp_path / "page"
    (folder / "app" / "texts").mkdir(parents=True)
    (folder / "app" / "node_modules").mkdir()
    (folder / "app" / "main.js").write_text("1")
    (folder / "app" / "texts" / "en.json").write_text("{}")
    (folder / "node.txt").write_text("node==1")
    (folder / "build.sh").write_text(BUILD)
    return folder


def test_it_is_built_once(folder: Path) -> None:
    environment = folder.parent / ".venv"
    assert not page.is_current(folder)
    page.build(environment, Progress(io.StringIO()), folder)
    assert page.is_current(folder)
    assert (folder / "calls").read_text() == f"{environment}/node {environment}/bin/python\n"


@pytest.mark.parametrize("source", ["app/main.js", "app/texts/en.json", "app/new.js", "node.txt", "build.sh"])
def test_a_changed_source_makes_it_stale(folder: Path, source: str) -> None:
    page.build(folder, Progress(io.StringIO()), folder)
    with (folder / source).open("a") as file:
        file.write("# changed\n")
    assert not page.is_current(folder)


def test_npms_packages_count_by_their_lock_file(folder: Path) -> None:
    page.build(folder, Progress(io.StringIO()), folder)
    (folder / "app" / "node_modules" / "x.js").write_text("changed")
    assert page.is_current(folder)


def test_a_moved_source_makes_it_stale(folder: Path) -> None:
    page.build(folder, Progress(io.StringIO()), folder)
    (folder / "app" / "main.js").rename(folder / "app" / "other.js")
    assert not page.is_current(folder)


def test_a_failed_build_says_what_to_do_and_is_tried_again(folder: Path) -> None:
    (folder / "build.sh").write_text("echo no way to the registry; exit 1\n")
    with pytest.raises(Problem, match=r"no way to the registry\nCheck that this machine can reach npm"):
        page.build(folder, Progress(io.StringIO()), folder)
    assert not page.is_current(folder)


def test_who_may_not_write_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Problem, match="you may not write to it"):
        page.build(folder, Progress(io.StringIO()), folder)
