"""A running local system: start it, wait for it, stop it."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from local.backends.backend import Backend
from local.plan import Plan
from local.problem import Problem
from local.processes import leftovers
from local.processes.program import EDGE, Program
from local.processes.supervisor import Supervisor, clean_environment

HEALTHY_SECONDS = 120.0
EXTERNAL_SECONDS = 10.0  # external servers are expected to be running
POLL_SECONDS = 0.1
CONNECTOR = "connector"  # starts last: without a broker it retries at growing intervals
MAX_STARTS = 3  # processes that exited before one of them became healthy
LAST_LINES = 8

# pika logs a traceback for every refused connection, and we poll until one succeeds.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class Stack:
    """The processes of a plan."""

    def __init__(self, plan: Plan, report: Callable[[str], None] = lambda line: None) -> None:
        self.plan = plan
        self.supervisor = Supervisor(plan.home)
        self._report = report
        self._cancelled = threading.Event()

    def start_manager(self, *, owned: bool = False) -> None:
        """Start only the process manager; an owned one ends with the calling process."""
        self.supervisor.start(clean_environment(self.plan.home), owned=owned)

    def start_all(self) -> None:
        """Start everything in parallel, and wait until all of it is healthy."""
        with ThreadPoolExecutor(max_workers=len(self.plan.backends) + 1) as pool:
            results = [pool.submit(self.start_backend, name) for name in self.plan.backends]
            results.append(pool.submit(self.start_edge))
            try:
                for result in as_completed(results):
                    result.result()
            except BaseException:
                self._cancelled.set()  # otherwise the other threads keep waiting, and Ctrl-C with them
                raise
        self.start(CONNECTOR)

    def start_backend(self, name: str) -> None:
        """Start one backend, unless it is external, and wait until it is usable."""
        backend = self.plan.backends[name]
        backend.prepare()
        self._start(backend.programs)
        if not backend.programs:
            self._wait_for_external(backend)
        backend.provision()

    def start_edge(self) -> None:
        """Start the functions and the gateway, which do not need their backends to start."""
        edge = [program for program in self.plan.programs.values() if program.group == EDGE]
        self._start([program for program in edge if program.name != CONNECTOR])

    def start(self, name: str) -> None:
        """Start one process, and wait until it is healthy."""
        self._start([self.plan.programs[name]])

    def await_healthy(self, name: str) -> None:
        """Wait until one process is healthy."""
        self._wait(self.plan.programs[name])

    def stop_all(self) -> None:
        """Stop all processes."""
        stop(self.supervisor)

    def log_file(self, name: str) -> Path:
        """Return the log of one process."""
        return self.plan.home.log / f"{name}.log"

    def _start(self, programs: list[Program]) -> None:
        for program in sorted(programs, key=lambda program: program.order):
            self.supervisor.start_process(program.name)
        for program in programs:
            self._wait(program)
            self._report(program.name)

    def _wait(self, program: Program) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        tried: set[int] = set()
        while not program.healthy():
            if self._cancelled.is_set():
                raise Problem(f"Stopped waiting for {program.name}.")
            tried.add(int(self.supervisor.states()[program.name]["pid"]))
            if len(tried - {0}) > MAX_STARTS or time.monotonic() > deadline:
                raise Problem(self._failure(program.name))
            time.sleep(POLL_SECONDS)

    def _wait_for_external(self, backend: Backend) -> None:
        deadline = time.monotonic() + EXTERNAL_SECONDS
        while not backend.healthy():
            if time.monotonic() > deadline:
                where = backend.describe()["url"]
                raise Problem(
                    f"{backend.name} does not answer at {where}. "
                    f"Start it, correct {backend.name.upper()}_URL, or unset it to use a private server."
                )
            time.sleep(POLL_SECONDS)

    def _failure(self, name: str) -> str:
        log = self.log_file(name)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
        return "\n".join([f"{name} does not start. The end of {log}:", *(f"    {line}" for line in lines)])


def stop(supervisor: Supervisor) -> None:
    """Stop the processes of a home, including those that the process manager has lost."""
    supervisor.shutdown()
    leftovers.stop(supervisor.home)
    supervisor.home.forget_socket()
