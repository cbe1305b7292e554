"""The home: which folder may be one, who can read it, and that only one start or stop uses it at a time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from local.home import DEFAULT, Home
from local.problem import Problem

FOLDERS = ("run", "log", "secrets", "data", "tmp", "home")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "home")
    assert not home.exists()
    home.make()
    assert home.exists()
    assert {mode(home.path / name) for name in ("", *FOLDERS)} == {0o700}


def test_an_existing_home_is_kept_and_closed_to_others(home: Home) -> None:
    (home.data / "kept").touch()
    for folder in (home.path, home.secrets):
        folder.chmod(0o755)
    home.make()
    assert (home.data / "kept").exists()
    assert (mode(home.path), mode(home.secrets)) == (0o700, 0o700)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """./local/down --purge deletes the whole folder."""
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(Problem, match="contains other files"):
        Home(tmp_path).make()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]
    assert not Home(tmp_path).exists()


def test_an_empty_folder_can_become_a_home(tmp_path: Path) -> None:
    Home(tmp_path).make()
    assert Home(tmp_path).exists()


@pytest.mark.parametrize("name", ["with space", "quo'te", 'quo"te', "dollar$", "semi;colon", "per%cent", "new\nline"])
def test_a_path_that_the_backends_do_not_support_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="do not support spaces and quotes"):
        Home(tmp_path / name).make()
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["plain", "with-dash_and.dot", "h@me", "a+b:c~d", "grün"])
def test_other_paths_are_supported(name: str, tmp_path: Path) -> None:
    Home(tmp_path / name).make()
    assert Home(tmp_path / name).exists()


def test_a_path_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(Problem, match=r"is not writable \((File exists|Not a directory)\)"):
            Home(path).make()


def test_the_default_home_is_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, path in (("", DEFAULT), (str(tmp_path), tmp_path), (f"{tmp_path}/x/..", tmp_path)):
        monkeypatch.setenv("LOCAL_HOME", value)
        assert Home.default().path == path
    monkeypatch.delenv("LOCAL_HOME")
    assert Home.default().path == DEFAULT


@pytest.mark.parametrize(("length", "inside"), [(90, True), (91, False)])
def test_a_short_path_holds_its_socket(length: int, inside: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Home(Path(folder) / ("x" * (length - len(f"{folder}//run/supervisor.sock"))))
        home.make()
        assert len(str(home.run / "supervisor.sock")) == length
        assert home.socket.is_relative_to(home.path) == inside
        home.forget_socket()


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """The kernel allows 107 bytes; the folder is remembered, and removed with all that is in it."""
    home = Home(tmp_path / ("deep" * 20))
    home.make()
    socket = home.socket
    assert not socket.is_relative_to(home.path)
    assert len(os.fsencode(socket)) < 90
    assert mode(socket.parent) == 0o700
    assert home.socket == socket
    socket.touch()
    home.forget_socket()
    assert not socket.parent.exists()
    other = home.socket
    assert other.parent.is_dir()
    home.forget_socket()
    home.forget_socket()


def test_a_socket_folder_that_was_removed_is_replaced(tmp_path: Path) -> None:
    """As after a restart of the machine."""
    home = Home(tmp_path / ("deep" * 20))
    home.make()
    first = home.socket
    first.parent.rmdir()
    assert home.socket.parent.is_dir()
    home.forget_socket()


def test_temporary_files_are_removed(home: Home) -> None:
    (home.tmp / "convert").mkdir()
    (home.tmp / "convert" / "file").touch()
    home.empty_tmp()
    assert list(home.tmp.iterdir()) == []
    home.tmp.rmdir()
    home.empty_tmp()
    assert mode(home.tmp) == 0o700


def test_a_lock_excludes_others_until_it_is_released(home: Home) -> None:
    with home.lock(wait_seconds=0, busy="busy"):
        with pytest.raises(Problem, match=r"^busy$"), home.lock(wait_seconds=0, busy="busy"):
            pytest.fail("locked twice")
        with Home(home.path.parent).lock(wait_seconds=0, busy="another folder is not locked"):
            pass
    with home.lock(wait_seconds=0, busy="busy"):
        pass
