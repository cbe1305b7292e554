"""./local/up: start everything, check that it works, print how to use it, and wait for Ctrl-C."""

import argparse
import os
import signal
import sys
import time
from types import FrameType

from local import account, plan, proof, summary
from local.home import Home
from local.problem import Problem
from local.processes.supervisor import Supervisor
from local.progress import Progress
from local.stack import Stack

LOCK_SECONDS = 2.0
WATCH_SECONDS = 0.5
BUSY = "Another ./local/up or ./local/down is running in this folder. Wait for it, or stop it with Ctrl-C."


def run(options: argparse.Namespace) -> int:
    """Start the system of this home."""
    began = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _interrupt)
    home = Home.default()
    home.make()
    progress = Progress()
    stack = user = None
    try:
        with home.lock(wait_seconds=LOCK_SECONDS, busy=BUSY):
            if Supervisor(home).running():
                raise Problem("Already running. ./local/status shows where; ./local/down stops it.")
            planned = plan.make(home, gateway_port=options.port, environ=os.environ)
            stack = Stack(planned, _StartProgress(progress, set(planned.programs)))
            user = _start(stack, progress)
        progress.done(f"Ready after {time.monotonic() - began:.0f} s.")
        print(summary.text(planned, user), flush=True)
        if options.detach:
            print("Running in the background; ./local/down stops it.")
        else:
            _stay(stack)
        return 0
    except BaseException as error:
        if stack:
            _stop(stack, progress)
        if user and isinstance(error, KeyboardInterrupt):
            return 0
        raise


def _start(stack: Stack, progress: Progress) -> account.User:
    progress.step("Starting")
    stack.start_manager()
    stack.start_all()
    user = account.first_user(stack.plan.home, stack.plan.gateway, stack.plan.secrets)
    progress.step("Converting a sample video")
    mp3 = proof.convert_sample(stack.plan, user)
    progress.done(f"A sample video was converted to {mp3}")
    return user


def _stay(stack: Stack) -> None:
    print("Press Ctrl-C to stop.", flush=True)
    processes = _processes(stack)
    while stack.supervisor.running():
        now = _processes(stack)
        for name in now.keys() & processes.keys():
            if now[name] != processes[name]:
                print(f"{name} ended unexpectedly and was restarted; see ./local/logs {name}", flush=True)
        processes |= now
        time.sleep(WATCH_SECONDS)
    stack.stop_all()
    print("Stopped by ./local/down.")


def _processes(stack: Stack) -> dict[str, int]:
    try:
        return {name: int(info["pid"]) for name, info in stack.supervisor.states().items() if info["pid"]}
    except OSError:  # it is being stopped
        return {}


def _stop(stack: Stack, progress: Progress) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C would leave processes behind
    progress.step("Stopping")
    stack.stop_all()
    progress.done("Stopped.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        # The terminal is closed: writing to it would raise, and interrupt the shutdown.
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        os.dup2(silence, sys.stderr.fileno())
    raise KeyboardInterrupt


class _StartProgress:
    """Shows which processes are not healthy yet."""

    def __init__(self, progress: Progress, waiting: set[str]) -> None:
        self._progress = progress
        self._waiting = waiting

    def __call__(self, name: str) -> None:
        self._waiting.discard(name)
        if self._waiting:
            self._progress.step(f"Starting; waiting for {', '.join(sorted(self._waiting))}", last=False)
