"""A whole private system whose functions and connector are containers, as their manifests say."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.home import MARKER
from local.plan import Plan
from local.ports import HOST
from local.processes.program import Program
from tests.clients.waiting import until
from tests.containers import building, given, memory, storage
from tests.containers.kubelet import Kubelet, answers
from tests.containers.storage import run
from tests.local.private import SHORT_PERIODS, PrivateStack, arranged_stack

CONNECTOR = "connector"


@dataclass(frozen=True)
class Contained:
    """A plan whose functions are containers."""

    plan: Plan

    def container(self, name: str) -> str:
        """Return the name of a process's container."""
        return f"{self.plan.home.path.name}-{name}"

    def tmp(self, name: str) -> Path:
        """Return the folder used as a container's /tmp; the start script empties it at each start."""
        return self.plan.home.tmp / name

    def program(self, name: str, settings: Mapping[str, str], memory_bytes: int | None = None) -> Program:
        """Return the program that runs a function's container."""
        said, planned = given.said(name), self.plan.programs[name]
        words = given.words(name, self.tmp(name), self.plan.secrets, self._secrets(name))
        if memory_bytes:
            words += [f"--memory={memory_bytes}", f"--memory-swap={memory_bytes}"]
        # Where a function listens, and its public URL, depend on this machine.
        place = {"HOST": HOST, **{key: planned.environment[key] for key in ("PORT", "PUBLIC_URL")}}
        command = self._command(
            name, said.image, words, {**said.environment, **given.token_settings(name), **place, **settings}
        )
        ready = f"http://{HOST}:{self.plan.ports[name]}{said.ready.path}"
        return replace(command, healthy=lambda: answers(ready, said.ready.timeout_seconds))

    def connector(self) -> Program:
        """Return the program that runs the connector's container."""
        words = given.connector_words(self.tmp(CONNECTOR), self.plan.secrets, self._secrets(CONNECTOR))
        settings = {**self.plan.programs[CONNECTOR].environment, **given.connector_settings()}
        return self._command(CONNECTOR, building.name(CONNECTOR), words, settings)

    def _command(self, name: str, image: str, words: list[str], settings: Mapping[str, str]) -> Program:
        # The network is the host's, because the private backends listen only on its loopback. --replace takes the place
        # of a container whose podman was killed. The mark lets the next run kill what a killed run left.
        command = [
            "podman",
            "run",
            "--rm",
            "--replace",
            f"--name={self.container(name)}",
            "--network=host",
            "--log-driver=none",
            *words,
            f"--env={MARKER}={self.plan.home.path}",
            *(f"--env={key}={value}" for key, value in settings.items()),
            image,
        ]
        # A pod's emptyDir is writable for any user of its containers. When the kernel kills a container that is out of
        # memory, podman's monitor leaves a file in its working directory, which must not be the project.
        opened = ["sh", "-c", 'chmod 0777 "$0" && cd "$1" && shift && exec "$@"']
        opened += [str(self.tmp(name)), str(self.plan.home.run), *command]
        return replace(self.plan.programs[name], command=opened, environment=dict(storage.OWN))

    def _secrets(self, name: str) -> Path:
        return self.plan.home.run / f"{name}.secrets"


class ContainedStack(PrivateStack):
    """The private system, its functions and its connector in containers."""

    killed_at_end = False  # a container whose podman is killed leaves its mounts behind
    contained: Contained
    kubelet: Kubelet

    def need_all(self) -> None:
        """Start what does not run yet; then check the containers as a kubelet does."""
        super().need_all()
        if not self.kubelet.is_alive():
            self.kubelet.start()

    def container(self, name: str) -> str:
        """Return the name of a function's container."""
        return self.contained.container(name)

    def setting(self, name: str, setting: str) -> str | None:
        """Return a setting of a function's container; None for its default."""
        beginning = f"--env={setting}="
        words, _ = self.program(name)
        return next((word.removeprefix(beginning) for word in words if word.startswith(beginning)), None)

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what podman says of a container."""
        description: dict[str, Any] = json.loads(run("podman", "inspect", self.container(name)))[0]
        return description

    def container_id(self, name: str) -> str:
        """Return the id of a container, empty while there is none; one that is started again has another."""
        try:
            return str(self.inspect(name)["Id"])
        except storage.CommandError:
            return ""

    def killed_for_memory(self, name: str) -> int:
        """Return how many processes of a container and its predecessors the kernel killed for lack of memory."""
        ended = (self.home / "log" / "supervisord.log").read_text().count(f"exited: {name} (exit status 137")
        try:
            return ended + memory.kills(self.pid(name))
        except (FileNotFoundError, storage.CommandError):  # it has just exited: supervisord has logged that, or will
            return ended

    def pid(self, name: str) -> int:
        """Return the id that a container's first process, or a backend, has on this machine."""
        return int(self.inspect(name)["State"]["Pid"]) if name in self._containers() else super().pid(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a container's first process, or to a backend and its children."""
        if name in self._containers():
            run("podman", "kill", f"--signal={number.name}", self.container(name))
        else:
            super().signal(name, number)

    def terminate(self, name: str, grace_seconds: int) -> int:
        """Stop a container as a platform does; return its exit code. It is started again, like any that exits."""
        with subprocess.Popen(
            ["podman", "wait", self.container(name)], env=storage.environment(), stdout=subprocess.PIPE, text=True
        ) as waiting:
            until(lambda: self.inspect(name)["State"]["Running"], f"{name} to run")
            run("podman", "stop", "--time", str(grace_seconds), self.container(name), seconds=grace_seconds + 30)
            return int(waiting.communicate(timeout=30)[0])

    def restart_with(self, name: str, memory_bytes: int | None = None, **settings: str) -> None:
        """Restart a container, with another limit on memory or other settings if given."""
        program = self.contained.program(name, {**SHORT_PERIODS, **settings}, memory_bytes)
        self.stop(name)
        self.replace_program(program)
        self.start(name)

    def reconfigure(self, name: str, **settings: str) -> None:
        """Restart a container, with other settings if given."""
        self.restart_with(name, None, **settings)

    def _containers(self) -> set[str]:
        return {*self.functions, CONNECTOR}


@contextmanager
def contained_stack() -> Iterator[ContainedStack]:
    """Yield a system in containers; nothing of it is left after this block or this process."""
    building.build_all()
    kept: list[Contained] = []

    def arrange(plan: Plan) -> Plan:
        contained = Contained(plan)
        kept.append(contained)
        programs = {name: contained.program(name, SHORT_PERIODS) for name in plan.functions}
        programs[CONNECTOR] = contained.connector()
        return replace(plan, programs={**plan.programs, **programs})

    try:
        with arranged_stack(ContainedStack, arrange) as stack:
            (stack.contained,) = kept
            stack.kubelet = Kubelet(stack)
            try:
                yield stack
            finally:
                stack.kubelet.end()
            assert not stack.kubelet.troubles, stack.kubelet.troubles
    finally:
        for contained in kept:
            for name in (*contained.plan.functions, CONNECTOR):
                run("podman", "rm", "--force", "--ignore", "--time", "0", contained.container(name))
