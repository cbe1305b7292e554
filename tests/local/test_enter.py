"""Commands on a machine without Python; packages.sh is a stub, test_packages.py tests the real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.home import ROOT

pytestmark = pytest.mark.requires(
    os.geteuid() != 0, "a machine without Python: as root, ./local/test tests/local/test_enter.py"
)

SYSTEM_PYTHON = "/usr/bin/python3"
TOOLS = ("sh", "dirname", "readlink", "id", "mktemp", "tail", "sed", "rm", "ln")
NOBODY = "65534"
APT_COMMAND = "apt-get install --no-install-recommends python3 python3-venv"
NEEDED = "Python 3.11 or newer is required. Install it with its venv module, then try again.\n"
INSTALLS = 'echo Reading package lists; ln -s "$PYTHON" "${PATH}/python3"; echo "$@" > calls'
FAILS = "n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo line $n; done; exit 100"
OLD_PYTHON = "#!/bin/sh\nexit 1\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def machine() -> Iterator[Path]:
    """A folder that every user can read, with a clone, and a `bin` that is the whole PATH."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        for tool in TOOLS:
            link(folder, tool)
        (folder / "local").mkdir()
        shutil.copy(ROOT / "local" / "enter.sh", folder / "local")
        (folder / "local" / "install.py").write_text("import sys; print(sys.argv[1:])\n")
        yield folder


@pytest.fixture
def run(machine: Path) -> Run:
    """Run enter.sh with the system's Python hidden."""

    def start(*words: str, packages: str = "exit 99", user: str | None = None) -> subprocess.CompletedProcess[str]:
        (machine / "local" / "packages.sh").write_text(packages)
        hidden = f'mount --bind /dev/null "$(readlink -f {SYSTEM_PYTHON})" && exec "$@"'
        lowered = ["setpriv", f"--reuid={user}", "--clear-groups"] if user else []
        environment = ["env", "-i", f"PATH={machine / 'bin'}", f"PYTHON={machine / 'python'}"]
        hiding = ["unshare", "--mount", "sh", "-c", hidden, "sh"]
        return subprocess.run(
            [*hiding, *lowered, *environment, "/bin/sh", machine / "local" / "enter.sh", *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    # A copy, because the system's Python is hidden under all its names.
    shutil.copy(Path(sys.executable).resolve(), machine / "python")
    return start


def link(machine: Path, tool: str) -> None:
    """Put a program of this machine on the PATH."""
    found = shutil.which(tool)
    assert found
    (machine / "bin" / tool).symlink_to(found)


def test_python_is_installed_and_the_command_continues(machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    done = run("test", "-k", "two words", packages=INSTALLS)
    assert (done.returncode, done.stdout) == (0, "['test', '-k', 'two words']\n")
    assert done.stderr == "Installing packages: python3 python3-venv\n"
    assert (machine / "calls").read_text() == "python3 python3-venv\n"


@pytest.mark.parametrize("command", ["up", "bench", "chaos", "corpus", "cluster/up"])
def test_every_command_that_may_come_first_installs_python(command: str, machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    done = run(command, packages=INSTALLS)
    assert (done.returncode, done.stdout) == (0, f"['{command}']\n")


def test_a_failed_installation_shows_its_last_lines_and_the_command(machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    done = run("up", packages=FAILS)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines == [
        "Installing packages: python3 python3-venv",
        *(f"    line {number}" for number in range(6, 21)),
        f"Install them manually, then try again: {APT_COMMAND}",
    ]


def test_without_root_and_sudo_the_command_is_shown(machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    done = run("up", user=NOBODY)
    assert done.returncode == 1
    assert done.stderr == (
        "Python is missing. You are not root, and sudo is not installed. "
        f"Ask root to run this, then try again: {APT_COMMAND}\n"
    )


def test_without_apt_get_the_requirements_are_shown(run: Run) -> None:
    done = run("up")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NEEDED)


def test_an_older_python_is_left_alone(machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    (machine / "bin" / "python3").write_text(OLD_PYTHON)
    (machine / "bin" / "python3").chmod(0o755)
    done = run("up")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NEEDED)


@pytest.mark.parametrize(
    "command", ["down", "status", "logs", "users", "jobs", "cluster/down", "cluster/secrets", "cluster/keys"]
)
def test_a_command_that_starts_nothing_installs_nothing(command: str, machine: Path, run: Run) -> None:
    link(machine, "apt-get")
    done = run(command)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NEEDED)
