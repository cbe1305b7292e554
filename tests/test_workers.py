"""A run without a path uses workers, and prints one summary."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import prebuild, workers
from tests.test_closing import UNUSED
from tests.workers import WORKERS

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_SECONDS = 120
PLUGINS = ("tests.selection", "tests.workers", "tests.timing", "tests.closing")
TESTS = """
import os
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(3))
def test_writes_its_process(number):
    with Path(__file__).with_suffix(".pids").open("a") as file:
        print(os.getpid(), file=file)

@pytest.mark.platforms
def test_in_a_container():
    raise AssertionError

@pytest.mark.requires(True, "a server: set SERVER_URL")
def test_needs_a_server():
    raise AssertionError
"""


@pytest.fixture(scope="module")
def with_workers(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[set[str]]]:
    """What a run prints, and the processes that ran each file."""
    folder = tmp_path_factory.mktemp("run")
    return run(folder), processes(folder)


def run(folder: Path, *words: str) -> str:
    """Run two files of tests; return the output."""
    for name in ("a", "b"):
        (folder / f"test_{name}.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = platforms\ntestpaths = .\n")
    plugins = [word for name in (*PLUGINS, *(f"no:{name}" for name in UNUSED)) for word in ("-p", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def processes(folder: Path) -> list[set[str]]:
    """Return the processes that ran each file."""
    return [set(file.read_text().split()) for file in sorted(folder.glob("*.pids"))]


def test_each_file_stays_in_one_worker(with_workers: tuple[str, list[set[str]]]) -> None:
    output, (first, second) = with_workers
    assert len(first) == len(second) == 1
    assert first != second
    assert f"{WORKERS} workers [6 items]" in output
    assert "6 passed" in output.splitlines()[-1]


def test_what_was_left_out_is_counted_once(with_workers: tuple[str, list[set[str]]]) -> None:
    listed = with_workers[0].partition("left out")[2].splitlines()
    assert "2 tests: a server: set SERVER_URL" in listed
    assert "2 tests: need a compiler, an image or a container: ./local/test platforms" in listed


def test_files_that_share_a_system_stay_in_one_worker() -> None:
    texts = {path: path.read_text() for path in (ROOT / "tests" / "chaos").glob("test_*.py")}
    sharing = [path for path, text in texts.items() if "system: Proxied" in text and "def shared_system" not in text]
    files = {str(path.relative_to(ROOT)) for path in sharing}
    assert files == workers.ONE_SYSTEM
    scheduling: Any = object.__new__(workers.Scheduling)
    scopes = {file: scheduling._split_scope(f"{file}::test") for file in [*files, "tests/chaos/test_smtp.py"]}
    assert len(set(scopes.values())) == 2
    assert scopes["tests/chaos/test_smtp.py"] == "tests/chaos/test_smtp.py"


def test_a_run_with_a_path_or_without_workers_uses_one_process(tmp_path: Path) -> None:
    for words in (["-m", "not platforms", "test_a.py", "test_b.py"], ["-n", "0"], ["-s"]):
        for file in tmp_path.glob("*.pids"):
            file.unlink()
        output = run(tmp_path, *words)
        first, second = processes(tmp_path)
        assert (len(first | second), "workers" in output) == (1, False)


def test_folders_with_a_whole_system_come_last() -> None:
    files = ["chaos/test_a.py", "e2e/test_b.py", "local/test_c.py", "unit/local/test_d.py"]
    items: list[Any] = [SimpleNamespace(nodeid=f"tests/{file}::test") for file in files]
    workers.pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == [f"tests/{files[number]}::test" for number in (0, 3, 1, 2)]


def test_a_folder_that_one_worker_runs_comes_late_and_as_a_whole() -> None:
    """Earlier that worker would wait for its builds; later the others would have nothing left to do beside it."""
    files = ["containers/test_a.py", "e2e/test_b.py", "cluster/test_c.py", "e2e/test_d.py", "unit/test_e.py"]
    items: list[Any] = [
        SimpleNamespace(
            nodeid=f"tests/{file}::test", get_closest_marker=lambda _, built=file == files[1]: built or None
        )
        for file in files
    ]
    prebuild.pytest_collection_modifyitems(items)
    assert [item.nodeid.split("/")[-1][5] for item in items] == ["c", "e", "a", "d", "b"]
