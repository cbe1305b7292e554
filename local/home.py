"""The folder that holds all files of a local system: data, logs, secrets, sockets."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / ".local"
MARKER = "MP3CONVERTER_HOME"
PLAIN = re.compile(r"[\w./@+:~-]+")
SOCKET_PATH_MAX = 90  # the kernel allows 107 bytes, and supervisor appends its process id while it binds


@dataclass(frozen=True)
class Home:
    """Paths in one home folder; nothing is written outside it."""

    path: Path

    @classmethod
    def default(cls) -> "Home":
        """Return the home named by LOCAL_HOME, else .local in the repository."""
        return cls(Path(os.environ.get("LOCAL_HOME") or DEFAULT).resolve())

    def exists(self) -> bool:
        """Tell whether `make` created this folder."""
        return self._marker.exists()

    def check(self) -> None:
        """Raise Problem if the backends cannot use a folder of this name."""
        if not PLAIN.fullmatch(str(self.path)):
            raise Problem(
                f"{self.path} cannot be used: MariaDB and RabbitMQ do not support spaces and quotes in paths. "
                "Set LOCAL_HOME to a plain path, for example LOCAL_HOME=/var/tmp/mp3converter-$USER"
            )

    def make(self) -> None:
        """Create the folders, readable only by their owner."""
        self.check()
        try:
            # down --purge deletes the whole folder, so it must not hold anything else.
            if self.path != DEFAULT and not self.exists() and self.path.is_dir() and any(self.path.iterdir()):
                raise Problem(f"{self.path} contains other files. Set LOCAL_HOME to an empty or new folder.")
            for folder in (self.path, self.run, self.log, self.secrets, self.data, self.tmp, self.user_home):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.secrets.chmod(0o700)
            self._marker.touch()
        except OSError as error:
            raise Problem(
                f"{self.path} is not writable ({error.strerror}). Set LOCAL_HOME to a folder of your own, "
                "for example LOCAL_HOME=$HOME/.mp3converter, and try again."
            ) from error

    @property
    def _marker(self) -> Path:
        return self.path / "mp3converter.home"

    @property
    def run(self) -> Path:
        """Return the folder of generated configuration, rewritten by each start."""
        return self.path / "run"

    @property
    def log(self) -> Path:
        """Return the folder with one log per process."""
        return self.path / "log"

    @property
    def secrets(self) -> Path:
        """Return the folder of keys, passwords and URLs that hold passwords."""
        return self.path / "secrets"

    @property
    def data(self) -> Path:
        """Return the folder of the backends' data."""
        return self.path / "data"

    @property
    def tmp(self) -> Path:
        """Return the folder for temporary files, emptied by each start."""
        return self.path / "tmp"

    @property
    def user_home(self) -> Path:
        """Return the HOME of the processes, so that they write nothing to the user's own."""
        return self.path / "home"

    @property
    def socket(self) -> Path:
        """Return the supervisor's socket, in a shorter folder if this path is too long for a socket."""
        inside = self.run / "supervisor.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
            return inside
        return Path(self._short_folder()) / "supervisor.sock"

    def _short_folder(self) -> str:
        remembered = self.path / "socket-folder"
        if remembered.exists() and Path(remembered.read_text()).is_dir():
            return remembered.read_text()
        folder = tempfile.mkdtemp(prefix="mp3-", dir="/tmp")
        remembered.write_text(folder)
        return folder

    def forget_socket(self) -> None:
        """Remove the folder that `socket` may have created outside the home."""
        remembered = self.path / "socket-folder"
        if remembered.exists():
            shutil.rmtree(remembered.read_text(), ignore_errors=True)
            remembered.unlink()

    def empty_tmp(self) -> None:
        """Remove what killed processes left in tmp."""
        shutil.rmtree(self.tmp, ignore_errors=True)
        self.tmp.mkdir(mode=0o700)

    @contextmanager
    def lock(self, *, wait_seconds: float, busy: str) -> Iterator[None]:
        """Lock this home against another start or stop; the kernel releases the lock when the process ends."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)  # not inherited by child processes
        try:
            _take(descriptor, wait_seconds, busy)
            yield
        finally:
            os.close(descriptor)


def _take(descriptor: int, wait_seconds: float, busy: str) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Problem(busy) from None
            time.sleep(0.1)
