"""Running the programs that speak to Docker and to a cluster; their own complaints become sentences."""

import subprocess
from pathlib import Path

from local.home import ROOT
from local.problem import Problem

LAST_LINES = 15
MOST_SECONDS = 3600  # for one program: the longest builds and pushes images over a slow line
NO_ENGINE = "Docker's engine does not answer. Start it (systemctl start docker, or Docker Desktop), then try again."
# What a program says, in part -> what a person can do about it.
KNOWN = {
    "Cannot connect to the Docker daemon": NO_ENGINE,
    "permission denied while trying to connect to the Docker": "You may not speak to Docker's engine. Add yourself to "
    "the group docker (usermod -aG docker USER), log in anew, then try again.",
    "no space left on device": "The disk is full. Make room, for example with docker system prune, then try again.",
    "dial tcp: lookup": "A name was not found. Check that this machine reaches the internet, then try again.",
    "toomanyrequests": "The registry lets nobody pull more at the moment. Run docker login, or wait, then try again.",
    "The connection to the server": "The cluster does not answer. Is it running? ./local/cluster/down forgets it.",
    "You must be logged in to the server": "The cluster does not know you. Renew what kubectl logs in with.",
    "is forbidden": "You may not do this in the cluster. Its administrator may, with the same command.",
}


def run(command: list[str], *, advice: str, given: str | None = None, folder: Path = ROOT) -> str:
    """Run a program to its end and return what it printed."""
    try:
        done = subprocess.run(
            command, input=given, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Problem(f"{command[0]} was not found. {advice}") from error
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{command[0]} had not ended after {MOST_SECONDS} s. {advice}") from error
    if done.returncode:
        raise Problem(explain(done.stderr or done.stdout, advice))
    return done.stdout


def explain(said: str, advice: str) -> str:
    """Return the end of what a program said, and what to do about it."""
    lines = [f"    {line}" for line in said.strip().splitlines()[-LAST_LINES:]]
    return "\n".join([*lines, next((sentence for part, sentence in KNOWN.items() if part in said), advice)])
