"""The workspace: a folder that is removed with its block, also after a crash of another process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.convert import workspace


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make temporary folders in the test's own folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def running_process() -> Iterator[int]:
    """The id of another, running process."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def ended_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_it_is_private_and_removed_with_its_block(temporary: Path) -> None:
    with workspace.folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "in").write_bytes(b"a video")
        (folder / "more").mkdir()
    assert list(temporary.iterdir()) == []


def test_it_is_removed_when_its_block_fails(temporary: Path) -> None:
    with pytest.raises(KeyError), workspace.folder():
        raise KeyError
    assert list(temporary.iterdir()) == []


def test_leftovers_of_ended_processes_are_removed(temporary: Path, running_process: int, ended_process: int) -> None:
    kept = {f"convert-{running_process}-abc", "convert-", "convert-x-1", "other"}
    left = {f"convert-{ended_process}-abc", f"convert-{os.getpid()}-abc"}  # an earlier process had our id
    for name in kept | left:
        (temporary / name).mkdir()
        (temporary / name / "in").write_bytes(b"a video")
    with workspace.folder() as first, workspace.folder() as second:
        workspace.remove_abandoned()
        assert {path.name for path in temporary.iterdir()} == kept | {first.name, second.name}
    assert {path.name for path in temporary.iterdir()} == kept
