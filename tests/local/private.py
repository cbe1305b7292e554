"""A private system for tests, with periods short enough to wait for."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from local import account, plan
from local.backends import mysql, rabbitmq
from local.home import MARKER, Home
from local.plan import Plan
from local.problem import Problem
from local.processes import configuration, leftovers
from local.processes.program import Program
from local.processes.supervisor import clean_environment
from local.stack import Stack
from tests.clients.waiting import until
from tests.local import port_shares

PREFIX = "mp3-test-"
DOWN = ("STOPPED", "FATAL")  # the process manager itself restarts those that exited
SHORT_PERIODS = {
    "ANNOUNCE_GAP_SECONDS": "2",
    "ANNOUNCE_GAP_MAX_SECONDS": "8",
    "UPLOAD_LEASE_SECONDS": "4",
    "CONVERT_LEASE_SECONDS": "5",
    "MAIL_LEASE_SECONDS": "5",
    "MAIL_UNKNOWN_SECONDS": "10",
    "WEBHOOK_LEASE_SECONDS": "5",
    "RETRY_DELAY_SECONDS": "1",
    "CONVERT_TIMEOUT_SECONDS": "60",
    "UPLOAD_TIMEOUT_SECONDS": "300",
    "IDLE_TIMEOUT_SECONDS": "5",
    "SWEEP_EVERY_SECONDS": "1",
    "GRACEFUL_TIMEOUT_SECONDS": "10",
    "RABBITMQ_HEARTBEAT_SECONDS": "2",
    "KEY_REMEMBERED_SECONDS": "4",
    "REGISTRATION": "open",
    # Every test and every program of tests/bench comes from one address.
    "LOGIN_FREE_TRIES": "100000",
    "LOGIN_FREE_TRIES_PER_ADDRESS": "100000",
    "LETTERS_FREE_PER_ADDRESS": "100000",
    "WEBHOOK_NETWORKS": "127.0.0.1/32",  # where receivers of tests listen
}
# Backends at which nothing answers, to plan a system that is never started.
EXTERNAL = {
    "MYSQL_URL": "mysql://user@127.0.0.1:9/mp3converter",
    "MONGODB_URL": "mongodb://127.0.0.1:9/mp3converter",
    "RABBITMQ_URL": "amqp://127.0.0.1:9/mp3converter",
    "SMTP_URL": "smtp://127.0.0.1:9",
}


Kind = TypeVar("Kind", bound="PrivateStack")


class PrivateStack:
    """A private system, as tests use it; its parts start when they are first needed."""

    killed_at_end = True  # its data is no longer needed, and its servers take seconds to stop

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._up: set[str] = set()
        self._planned: dict[str, Program] = {}  # as they were before other settings
        plan = stack.plan
        self.home: Path = plan.home.path
        self.gateway = plan.gateway
        self.functions = plan.functions
        self.mailbox = str(plan.mailbox)
        self.mongodb_url = plan.backends["mongodb"].url
        self.mongodb_database = "mp3converter"
        self.mysql_url = plan.backends["mysql"].url
        self.mysql_root_url = mysql.root_url(plan.ports["mysql"], plan.secrets)
        self.rabbitmq_url = plan.backends["rabbitmq"].url
        self.smtp_url = plan.backends["smtp"].url
        self.rabbitmq_functions_url = rabbitmq.user_url("functions", plan.ports, plan.secrets)
        self.rabbitmq_connector_url = rabbitmq.user_url("connector", plan.ports, plan.secrets)

    def need(self, backend: str) -> None:
        """Start a backend, unless it is running."""
        if backend not in self._up:
            self._stack.start_backend(backend)
            self._up.add(backend)

    def need_all(self) -> None:
        """Start everything that is not running yet, and create the first user."""
        if "edge" not in self._up:
            starts: list[Callable[[], None]] = [partial(self.need, backend) for backend in self._stack.plan.backends]
            starts.append(self._stack.start_edge)
            with ThreadPoolExecutor(len(starts)) as pool:
                for started in [pool.submit(start) for start in starts]:
                    started.result()
            self._stack.start("connector")
            self._up.add("edge")
            self.user = account.first_user(self._stack.plan.home, self.gateway, self._stack.plan.secrets)

    def add_user(self, email: str, password: str) -> None:
        """Create a user."""
        account.sign_up(self.gateway, self._stack.plan.secrets, email, password)

    @property
    def event_token(self) -> str:
        """The token that comes with events."""
        return self.secret("event_token")

    def secret(self, name: str) -> str:
        """Return a secret of this system, such as signup_token."""
        return self._stack.plan.secrets.read(name)

    def secret_file(self, name: str) -> Path:
        """Return the path of a secret's file, as in a NAME_FILE setting."""
        return self._stack.plan.secrets.path(name)

    def start(self, name: str) -> None:
        """Start a process, and wait until it is healthy."""
        self._stack.start(name)

    def stop(self, name: str) -> None:
        """Stop a process, and wait until it has ended."""
        self._stack.supervisor.stop_process(name)

    def restart(self, name: str) -> None:
        """Stop a process, start it again, and wait until it is healthy."""
        self.stop(name)
        self.start(name)

    def reconfigure(self, name: str, **settings: str) -> None:
        """Restart a process, with other settings if given."""
        program = self._planned.setdefault(name, self._stack.plan.programs[name])
        self.stop(name)
        self.replace_program(replace(program, environment={**program.environment, **settings}))
        self.start(name)

    def kill(self, name: str) -> None:
        """Send SIGKILL to a process and its children; the process manager restarts it."""
        self.signal(name, signal.SIGKILL)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and its children."""
        # A process that is being restarted has the id 0, which would signal our own group.
        os.killpg(until(lambda: self.pid(name), f"{name} to run"), number)

    def await_healthy(self, name: str) -> None:
        """Wait until a killed process is healthy again."""
        self._stack.await_healthy(name)

    def revive(self) -> None:
        """Continue every stopped process, start those that are down, and wait until all are healthy."""
        for pid in leftovers.find(self._stack.plan.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        states = self._stack.supervisor.states()
        for name, state in states.items():
            if state["statename"] in DOWN:
                self._stack.supervisor.start_process(name)
        for name in states:
            self.await_healthy(name)

    def program(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Return a process's command and its whole environment."""
        program = self._stack.plan.programs[name]
        home = self._stack.plan.home
        return program.command, {**clean_environment(home), **program.environment, MARKER: str(home.path)}

    def setting(self, name: str, setting: str) -> str | None:
        """Return a function's setting, or None if it uses the default."""
        return self.program(name)[1].get(setting)

    def replace_program(self, program: Program) -> None:
        """Replace a process's program, from its next start on."""
        self._stack.plan.programs[program.name] = program
        configuration.write(self._stack.plan.home, list(self._stack.plan.programs.values()))

    def states(self) -> dict[str, str]:
        """Return each process's state in the process manager, such as RUNNING."""
        return {name: str(state["statename"]) for name, state in self._stack.supervisor.states().items()}

    def pid(self, name: str) -> int:
        """Return the id of a process."""
        return int(self._stack.supervisor.states()[name]["pid"])

    def log(self, name: str) -> str:
        """Return a process's log."""
        return self._stack.log_file(name).read_text(errors="replace")


def remove_stale(folder: Path) -> None:
    """Remove the homes of killed test runs; those in use are locked."""
    for path in folder.glob(f"{PREFIX}*"):
        home = Home(path)
        if not home.exists():
            continue
        try:
            with home.lock(wait_seconds=0, busy="in use"):
                leftovers.stop(home)
                shutil.rmtree(path)
        except (Problem, OSError):  # in use, another user's, or being removed by another run
            continue


@contextmanager
def private_stack(**settings: str) -> Iterator[PrivateStack]:
    """Yield a system that ends with this block, or with this process."""
    with arranged_stack(PrivateStack, lambda plan: plan, **settings) as stack:
        yield stack


@contextmanager
def arranged_stack(kind: type[Kind], arrange: Callable[[Plan], Plan], **settings: str) -> Iterator[Kind]:
    """Yield a system of another class, whose plan `arrange` may change."""
    # /var/tmp is on disk even if /tmp is in memory: the benchmarks store gigabytes.
    folder = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108 - mkdtemp makes its own folder in it
    remove_stale(folder)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder, ignore_cleanup_errors=True) as path,
        Home(Path(path)).lock(wait_seconds=0, busy="this folder is new"),
    ):
        home = Home(Path(path))
        used = {**SHORT_PERIODS, **settings}
        shared = port_shares.of_systems()
        planned = arrange(plan.make(home, gateway_port=None, environ={}, settings=used, among=shared))
        configuration.write(home, list(planned.programs.values()))
        stack = Stack(planned)
        try:
            stack.start_manager(owned=True)
            yield kind(stack)
        finally:
            if kind.killed_at_end:
                leftovers.stop(home, kill_after_seconds=0)
            stack.stop_all()
