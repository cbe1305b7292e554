"""The real faas-cli against the gateway: list, describe, and invoke login, upload and download."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.clients.database import Inspector
from tests.e2e.conftest import Person
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.tools.faas_cli import faas_cli
from tests.tools.golang import CannotBuild

pytestmark = pytest.mark.platforms

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def binary() -> Path:
    """The program, built if necessary."""
    try:
        return faas_cli()
    except CannotBuild as error:
        pytest.fail(str(error))


@pytest.fixture
def run(binary: Path, stack: PrivateStack, tmp_path: Path) -> Run:
    """Run faas-cli against the gateway, without the user's own settings."""

    def invoke(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [binary, *words, "--gateway", stack.gateway],
            cwd=tmp_path,
            env={"HOME": str(tmp_path)},
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return invoke


def succeeded(done: subprocess.CompletedProcess[bytes]) -> bytes:
    """Return what a run printed; it must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(listing: bytes) -> dict[str, list[str]]:
    """Return the columns behind each function's name."""
    return {line.split()[0]: line.split()[1:] for line in listing.decode().splitlines()[1:] if line.strip()}


def test_list_shows_every_function(run: Run) -> None:
    declared = set(yaml.safe_load((ROOT / "stack.yml").read_text())["functions"])
    listed = rows(succeeded(run("list")))
    assert set(listed) == declared
    assert {replicas for _, replicas in listed.values()} == {"1"}


def test_describe_shows_health_and_invocations(run: Run, owner: Person) -> None:
    def described() -> dict[str, str]:
        lines = succeeded(run("describe", "login")).decode().splitlines()
        return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    before = described()
    assert (before["Name"], before["Status"], before["Available replicas"]) == ("login", "Ready", "1")
    succeeded(run("invoke", "login", "-H", credentials(owner)))
    assert int(described()["Invocations"]) == int(before["Invocations"]) + 1


def test_describe_an_unknown_function_fails(run: Run) -> None:
    done = run("describe", "nosuchfunction")
    assert done.returncode == 1
    assert b"No such function" in done.stdout + done.stderr


def test_a_stopped_function_is_not_ready(run: Run, stack: PrivateStack) -> None:
    stack.stop("notify")
    try:
        assert b"Not Ready" in succeeded(run("describe", "notify"))
    finally:
        stack.start("notify")
    assert b"Not Ready" not in succeeded(run("describe", "notify"))


@pytest.mark.parametrize("suffix", [(), ("--namespace", "openfaas-fn")], ids=["bare", "namespace"])
def test_invoke_login_upload_and_download(
    suffix: tuple[str, ...], run: Run, owner: Person, video: Path, filename: str, inspector: Inspector
) -> None:
    token = succeeded(run("invoke", "login", "-H", credentials(owner), *suffix)).decode().strip()
    bearer = f"Authorization=Bearer {token}"

    # This release treats every 202 as an asynchronous call and does not print the body.
    query = ("--query", f"filename={filename}")
    succeeded(run("invoke", "upload", "-H", bearer, *query, *suffix, stdin=video.read_bytes()))
    (job,) = inspector.jobs_named(filename)
    inspector.done(job["_id"])

    query = ("--query", f"fid={job['_id']}")
    mp3 = succeeded(run("invoke", "download", "-m", "GET", "-H", bearer, *query, *suffix))
    assert_tone(mp3, 440, 3.0)


def test_deploy_is_refused(run: Run) -> None:
    done = run("deploy", "-f", str(ROOT / "stack.yml"))
    assert done.returncode == 1
    assert b"This command is for a cluster" in done.stdout


def test_invoke_with_a_wrong_password_fails(run: Run, owner: Person) -> None:
    done = run("invoke", "login", "-H", credentials(Person(owner.email, "not the password", "")))
    assert done.returncode == 1
    assert b"unauthorized" in (done.stdout + done.stderr).lower()


def credentials(person: Person) -> str:
    """Return the header of Basic credentials, as faas-cli takes it."""
    return "Authorization=Basic " + base64.b64encode(f"{person.email}:{person.password}".encode()).decode()
