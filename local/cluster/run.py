"""Runs Docker, kubectl and other programs; turns their errors into advice."""

import subprocess
from pathlib import Path

from local.home import ROOT
from local.problem import Problem

LAST_LINES = 15
MAX_SECONDS = 3600  # per program: the longest one builds images and pushes them over a slow connection
NO_ENGINE = "Docker's engine does not answer. Start it (systemctl start docker, or Docker Desktop), then try again."
# part of a program's output -> advice
ADVICE = {
    "Cannot connect to the Docker daemon": NO_ENGINE,
    "permission denied while trying to connect to the Docker": "You may not use Docker's engine. Add yourself to "
    "the group docker (usermod -aG docker USER), log in again, then try again.",
    "no space left on device": "The disk is full. Free some space (docker system prune), then try again.",
    "dial tcp: lookup": "A host name was not found. Check this machine's internet connection, then try again.",
    "toomanyrequests": "The registry's rate limit was exceeded. Run docker login, or wait, then try again.",
    "The connection to the server": "The cluster does not answer. Is it running? To start over: ./local/cluster/down",
    "You must be logged in to the server": "The cluster rejected your credentials. Renew those that kubectl uses.",
    "is forbidden": "You lack permission to do this in the cluster. Ask its administrator to run the same command.",
}


def run(command: list[str], *, advice: str, given: str | None = None, folder: Path = ROOT) -> str:
    """Run a program and return its output."""
    try:
        done = subprocess.run(
            command, input=given, cwd=folder, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Problem(f"{command[0]} was not found. {advice}") from error
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{command[0]} was still running after {MAX_SECONDS} s. {advice}") from error
    if done.returncode:
        raise Problem(explain(done.stderr or done.stdout, advice))
    return done.stdout


def explain(output: str, advice: str) -> str:
    """Return the end of a program's output, and advice."""
    lines = [f"    {line}" for line in output.strip().splitlines()[-LAST_LINES:]]
    return "\n".join([*lines, next((sentence for part, sentence in ADVICE.items() if part in output), advice)])
