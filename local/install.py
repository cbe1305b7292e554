"""Install what a command needs, then run it; uses only the standard library."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from local import arguments, page
from local.home import Home
from local.problem import Problem
from local.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
# package -> a file it installs, and the setting that replaces it
PACKAGES = {
    "mariadb-server": ("/usr/sbin/mariadbd", "MYSQL_URL"),
    "rabbitmq-server": ("/usr/lib/rabbitmq/bin/rabbitmq-server", "RABBITMQ_URL"),
    "caddy": ("caddy", ""),
    "curl": ("curl", ""),
}
INSTALLING = ("up", "test", "bench", "chaos")
# These need only Python packages: whatever they start runs in a cluster.
PYTHON_ONLY = ("cluster/up", "cluster/down", "cluster/secrets", "cluster/keys", "corpus")


def main() -> int:
    """Read the command line, install what is missing, and run the command."""
    command, *rest = sys.argv[1:]
    arguments.parse(command, rest)
    try:
        if command == "up":
            Home.default().check()  # rather than after minutes
        is_remote = command == "mp3" or (command == "jobs" and _is_remote())
        if command in (*INSTALLING, *PYTHON_ONLY) or (is_remote and not VENV.exists()):
            _install(command)
        elif not (VENV / "bin" / "python").exists():
            raise Problem("Nothing is installed yet. Run: ./local/up")
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the command again to continue.", file=sys.stderr)
        return 130
    python = str(VENV / "bin" / "python")
    os.execv(python, [python, "-E", "-s", "-m", "local.main", command, *rest])


def _install(command: str) -> None:
    progress = Progress(sys.stderr)  # what the command itself prints may be for another program
    missing = [package for package in PACKAGES if command in INSTALLING and _is_missing(package, command)]
    if importlib.util.find_spec("ensurepip") is None and not _is_current():
        missing.append("python3-venv")
    if missing:
        _install_packages(missing, progress)
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        # Two commands must not write to the environment at once. The kernel releases the lock when this process ends.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            _make_environment(progress)
        if command in INSTALLING and not page.is_current():
            page.build(VENV, progress)
    finally:
        os.close(lock)


def _is_remote() -> bool:
    """Tell whether the command is for a remote system, which needs Python packages but no local servers."""
    return bool(os.environ.get("MONGODB_URL") or os.environ.get("MONGODB_URL_FILE"))


def _is_missing(package: str, command: str) -> bool:
    file, setting = PACKAGES[package]
    if command == "up" and setting and (os.environ.get(setting) or os.environ.get(f"{setting}_FILE")):
        return False
    return shutil.which(file, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin") is None


def _install_packages(missing: list[str], progress: Progress) -> None:
    wanted = " ".join(missing)
    by_hand = f"apt-get install --no-install-recommends {wanted}"
    if shutil.which("apt-get") is None:
        raise Problem(f"These packages are missing, and apt-get is not available to install them: {wanted}.")
    install = ["sh", str(ROOT / "local" / "packages.sh"), *missing]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Problem(
                f"These packages are missing: {wanted}. You are not root, and sudo is not installed. "
                f"Ask root to run this, then try again: {by_hand}"
            )
        install = ["sudo", *install]
    progress.run(f"Installing packages: {wanted}", install, f"Install them manually, then try again: {by_hand}")


def _make_environment(progress: Progress) -> None:
    if not os.access(ROOT, os.W_OK) or (VENV.exists() and not os.access(VENV, os.W_OK)):
        raise Problem(f"{VENV} is out of date, and you may not write to it. Use a clone of your own.")
    _stamp().unlink(missing_ok=True)
    python = str(VENV / "bin" / "python")
    progress.run(
        "Creating a virtual environment",
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        "Install the package python3-venv, then try again.",
    )
    progress.run(
        "Installing Python packages",
        [
            python,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--progress-bar=off",
            "-r",
            "requirements-dev.txt",
        ],
        "Check that this machine can reach the Python package index, then try again.",
    )
    _stamp().write_text(_fingerprint())


def _is_current() -> bool:
    return _stamp().exists() and _stamp().read_text() == _fingerprint()


def _stamp() -> Path:
    return VENV / "stamp"


def _fingerprint() -> str:
    """Return a hash of everything an environment depends on: pinned packages, Python, and its own path."""
    files = [ROOT / "requirements-dev.txt", *sorted(ROOT.glob("functions/*/requirements.in"))]
    parts = [file.read_bytes() for file in files]
    parts += [str(sys.version_info[:2]).encode(), sys.executable.encode(), os.fsencode(VENV)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
