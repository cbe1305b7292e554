"""Each check of an image's contents finds its mistake, planted in a small image."""

from __future__ import annotations

import compileall
import py_compile
from pathlib import Path

import pytest

from tests.containers import contents


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a correct image."""
    functions = tmp_path / "root" / "app" / "functions"
    for name in ("common", "backends", "login"):
        (functions / name).mkdir(parents=True)
        (functions / name / "__init__.py").touch()
    for name in (
        "__init__.py",
        "serve.py",
        "worker.py",
        "arrival.py",
        "peer.py",
        "stream.py",
        "gunicorn.conf.py",
        "start.sh",
    ):
        (functions / name).touch()
    (tmp_path / "root" / "venv/lib/python3.11/site-packages/flask").mkdir(parents=True)
    (tmp_path / "root" / "venv/lib/python3.11/site-packages/flask/__init__.py").touch()
    compileall.compile_dir(tmp_path / "root", quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return tmp_path / "root"


def planted(path: Path) -> Path:
    """Write a file that should not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x = 1\n")
    return path


def test_a_correct_image_has_no_errors(root: Path) -> None:
    assert contents.foreign_rooms(root, "login") == []
    assert contents.other_files(root) == []
    assert contents.uncompiled(root) == []
    assert contents.media(root) == []
    assert contents.installers(root) == []


def test_a_foreign_room_and_a_missing_one_are_found(root: Path) -> None:
    planted(root / "app/functions/convert/main.py")
    assert contents.foreign_rooms(root, "login") == ["foreign: convert"]
    assert contents.foreign_rooms(root, "upload") == ["foreign: convert", "foreign: login", "missing: upload"]


def test_a_file_that_is_not_a_program_is_found(root: Path) -> None:
    planted(root / "app/functions/login/notes.md")
    assert contents.other_files(root) == ["app/functions/login/notes.md"]


def test_what_was_not_built_of_the_page_and_what_is_left_of_its_sources_is_found(root: Path) -> None:
    built = root / "app/functions/page/built"
    planted(built / "main-ABC.js")
    planted(built / "main-ABC.js.br")
    (built / "manifest.json").write_text('{"main-ABC.js": {"sizes": {"identity": 6, "br": 6}}}')
    assert contents.unbuilt(root, "page") == contents.other_files(root) == []
    assert contents.unbuilt(root, "login") == ["functions/page/built"]

    (built / "main-ABC.js.br").unlink()
    planted(built / "stamp")
    planted(root / "app/functions/page/app/main.js")
    planted(root / "app/functions/page/build.sh")
    assert contents.unbuilt(root, "page") == ["foreign: stamp", "missing: main-ABC.js.br"]
    assert contents.other_files(root) == ["app/functions/page/app/main.js", "app/functions/page/build.sh"]


def test_a_source_without_bytecode_is_found(root: Path) -> None:
    planted(root / "app/functions/login/main.py")
    assert contents.uncompiled(root) == ["app/functions/login/main.py"]


def test_bytecode_that_depends_on_file_times_is_found(root: Path) -> None:
    py_compile.compile(str(planted(root / "venv/lib/python3.11/site-packages/one.py")))
    assert contents.uncompiled(root) == ["venv/lib/python3.11/site-packages/one.py"]


def test_an_empty_image_is_found(tmp_path: Path) -> None:
    assert contents.uncompiled(tmp_path) == ["there is no source at all"]


@pytest.mark.parametrize(
    "path", ["venv/lib/python3.11/site-packages/numpy/__init__.py", "usr/bin/ffmpeg", "usr/lib/libmp3lame.so.0"]
)
def test_media_is_found(root: Path, path: str) -> None:
    planted(root / path)
    assert len(contents.media(root)) == 1


def test_an_installer_is_found(root: Path) -> None:
    planted(root / "venv/lib/python3.11/site-packages/pip/__init__.py")
    assert contents.installers(root) == ["venv/lib/python3.11/site-packages/pip"]


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o664, 0o646])
def test_writable_and_setuid_files_are_found(root: Path, tmp_path: Path, mode: int) -> None:
    planted(root / "app/functions/login/main.py").chmod(mode)
    assert "app/functions/login/main.py" in contents.changeable(root, tmp_path / "nothing")


def test_files_of_the_base_image_are_ignored(root: Path) -> None:
    planted(root / "usr/bin/su").chmod(0o4755)
    assert contents.changeable(root, root) == []
