"""A local system in motion: started, waited for, asked, stopped."""

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
OTHERS_SECONDS = 10.0  # a server that somebody else runs is there, or it is not
POLL_SECONDS = 0.1
CONNECTOR = "connector"  # starts last: without a broker it would wait longer and longer between its tries
TRIES = 3  # processes that ended by themselves before one of them was well
LAST_LINES = 8

# It logs a traceback for every connection refused, and we ask until one is not.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class Stack:
    """The processes of a plan."""

    def __init__(self, plan: Plan, tell: Callable[[str], None] = lambda line: None) -> None:
        self.plan = plan
        self.supervisor = Supervisor(plan.home)
        self._tell = tell
        self._abandoned = threading.Event()

    def start_manager(self, *, owned: bool = False) -> None:
        """Start the process manager alone; an owned one ends with the process that calls this."""
        self.supervisor.start(clean_environment(self.plan.home), owned=owned)

    def start_all(self) -> None:
        """Start everything at once and wait until all of it is well."""
        with ThreadPoolExecutor(max_workers=len(self.plan.backends) + 1) as pool:
            results = [pool.submit(self.start_backend, name) for name in self.plan.backends]
            results.append(pool.submit(self.start_edge))
            try:
                for result in as_completed(results):
                    result.result()
            except BaseException:
                self._abandoned.set()  # or the other threads would wait on, and keep Ctrl-C waiting
                raise
        self.start(CONNECTOR)

    def start_backend(self, name: str) -> None:
        """Start one backend, if it is ours, and wait until it can be used."""
        backend = self.plan.backends[name]
        backend.prepare()
        self._start(backend.programs)
        if not backend.programs:
            self._wait_for_other(backend)
        backend.provision()

    def start_edge(self) -> None:
        """Start the functions and the gateway, which do not mind backends that are still on their way."""
        edge = [program for program in self.plan.programs.values() if program.group == EDGE]
        self._start([program for program in edge if program.name != CONNECTOR])

    def start(self, name: str) -> None:
        """Start one process and wait until it is well."""
        self._start([self.plan.programs[name]])

    def await_healthy(self, name: str) -> None:
        """Wait until one process is well."""
        self._wait(self.plan.programs[name])

    def stop_all(self) -> None:
        """Stop everything, and leave no process behind."""
        stop(self.supervisor)

    def log_file(self, name: str) -> Path:
        """Return the log of one process."""
        return self.plan.home.log / f"{name}.log"

    def _start(self, programs: list[Program]) -> None:
        for program in sorted(programs, key=lambda program: program.order):
            self.supervisor.start_process(program.name)
        for program in programs:
            self._wait(program)
            self._tell(program.name)

    def _wait(self, program: Program) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        tried: set[int] = set()
        while not program.healthy():
            if self._abandoned.is_set():
                raise Problem(f"{program.name} was not waited for any longer.")
            tried.add(int(self.supervisor.states()[program.name]["pid"]))
            if len(tried - {0}) > TRIES or time.monotonic() > deadline:
                raise Problem(self._last_words(program.name))
            time.sleep(POLL_SECONDS)

    def _wait_for_other(self, backend: Backend) -> None:
        deadline = time.monotonic() + OTHERS_SECONDS
        while not backend.healthy():
            if time.monotonic() > deadline:
                where = backend.describe()["url"]
                raise Problem(
                    f"{backend.name} does not answer at {where}. "
                    f"Start it, or correct {backend.name.upper()}_URL, or unset it for a private one."
                )
            time.sleep(POLL_SECONDS)

    def _last_words(self, name: str) -> str:
        log = self.log_file(name)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
        return "\n".join([f"{name} does not start. The end of {log}:", *(f"    {line}" for line in lines)])


def stop(supervisor: Supervisor) -> None:
    """Stop the processes of a home, and whatever escaped its manager."""
    supervisor.shutdown()
    leftovers.stop(supervisor.home)
    supervisor.home.forget_socket()
