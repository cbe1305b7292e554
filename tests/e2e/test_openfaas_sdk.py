"""OpenFaaS's Go SDK against the gateway: newer releases of faas-cli send and read with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local import stack_file
from local.gateway import system
from tests.clients.database import Inspector
from tests.e2e.conftest import Person
from tests.local.private import PrivateStack
from tests.tools.golang import CannotBuild
from tests.tools.openfaas_sdk import openfaas_sdk

pytestmark = pytest.mark.platforms

TIMEOUT_SECONDS = 60

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(stack: PrivateStack, owner: Person) -> Run:
    """Run the program, with the owner's token."""
    try:
        binary = openfaas_sdk()
    except CannotBuild as error:
        pytest.fail(str(error))

    def send(command: str, name: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [binary, stack.gateway, command, name],
            env={"AUTHORIZATION": f"Bearer {owner.token}"},
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return send


def succeeded(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what a run printed; it must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


def test_what_it_reads(run: Run) -> None:
    listed = dict(line.split() for line in succeeded(run("list", "openfaas-fn")).splitlines())
    assert listed == dict.fromkeys(stack_file.functions(), "1")
    assert succeeded(run("describe", "login")) == "login 1\n"
    assert succeeded(run("version", "")) == "local supervisor\n"
    assert succeeded(run("namespaces", "")) == "[openfaas-fn]\n"


def test_an_upload_answers_its_id(run: Run, video: Path, inspector: Inspector) -> None:
    fid = json.loads(succeeded(run("invoke", "upload", video.read_bytes())))["id"]
    inspector.done(fid)
    assert fid in succeeded(run("logs", "upload"))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("deploy", system.FOR_A_CLUSTER),
        ("update", system.FOR_A_CLUSTER),
        ("remove", system.FOR_A_CLUSTER),
        ("scale", system.FOR_A_CLUSTER),
        ("namespace-create", system.FOR_A_CLUSTER),
        ("secret-list", system.SECRETS),
        ("secret-create", system.SECRETS),
        ("secret-update", system.SECRETS),
        ("secret-remove", system.SECRETS),
        ("invoke-async", system.ASYNCHRONOUS),
    ],
)
def test_what_needs_a_cluster_says_so(command: str, sentence: str, run: Run) -> None:
    done = run(command, "upload")
    assert done.returncode == 1
    assert sentence in done.stderr.decode()
    assert b"{" not in done.stderr
