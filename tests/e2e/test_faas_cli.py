"""The real faas-cli against the gateway: what works, and what it says of the rest.

FAAS_CLI may name a newer client, with which every test is run too.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import yaml

from local.gateway import system
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.readme import lines
from tests.tools.faas_cli import faas_cli
from tests.tools.golang import CannotBuild

pytestmark = pytest.mark.platforms

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60
NEWER = os.environ.get("FAAS_CLI", "")
LARGE_BYTES = 16 * 1024 * 1024

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@dataclass(frozen=True)
class Client:
    """A version of faas-cli, run without the user's own settings."""

    path: Path
    newer: bool
    gateway: str
    folder: Path

    def header(self, value: str) -> str:
        """Return a value for Authorization as this version takes headers."""
        return f"Authorization: {value}" if self.newer else f"Authorization={value}"

    @property
    def environment(self) -> dict[str, str]:
        """Return its environment, with the program on the PATH."""
        return {"HOME": str(self.folder), "OPENFAAS_URL": self.gateway, "PATH": f"{self.path.parent}:{os.defpath}"}


@pytest.fixture(scope="session", params=["pinned", *filter(None, [NEWER])])
def binary(request: pytest.FixtureRequest) -> Path:
    """Each program; the pinned one is built if necessary."""
    if request.param == NEWER:
        return Path(NEWER)
    try:
        return faas_cli()
    except CannotBuild as error:
        pytest.fail(str(error))


@pytest.fixture
def client(binary: Path, stack: PrivateStack, tmp_path: Path) -> Client:
    """Each version of faas-cli, for the gateway."""
    return Client(binary, str(binary) == NEWER, stack.gateway, tmp_path)


@pytest.fixture
def run(client: Client) -> Run:
    """Run faas-cli."""

    def invoke(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [client.path, *words],
            cwd=client.folder,
            env=client.environment,
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


def test_describe_shows_health_and_invocations(run: Run, client: Client, owner: Person) -> None:
    def described() -> dict[str, str]:
        lines = succeeded(run("describe", "login")).decode().splitlines()
        return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    before = described()
    assert (before["Name"], before["Status"], before["Available replicas"]) == ("login", "Ready", "1")
    succeeded(run("invoke", "login", "-H", client.header(basic(owner))))
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
    suffix: tuple[str, ...], run: Run, client: Client, owner: Person, video: Path, filename: str, inspector: Inspector
) -> None:
    token = succeeded(run("invoke", "login", "-H", client.header(basic(owner)), *suffix)).decode().strip()
    bearer = client.header(f"Bearer {token}")

    query = ("--query", f"filename={filename}")
    printed = succeeded(run("invoke", "upload", "-H", bearer, *query, *suffix, stdin=video.read_bytes()))
    (job,) = inspector.jobs_named(filename)
    # The older one takes every 202 for an asynchronous call, and does not print the body.
    assert (str(job["_id"]).encode() in printed) == client.newer
    inspector.done(job["_id"])

    query = ("--query", f"fid={job['_id']}")
    mp3 = succeeded(run("invoke", "download", "-m", "GET", "-H", bearer, *query, *suffix))
    assert_tone(mp3, 440, 3.0)
    drawn = (*query, "--query", "peaks=1")
    peaks = succeeded(run("invoke", "download", "-m", "GET", "-H", bearer, *drawn, *suffix))
    assert json.loads(peaks)["length"] > 1000
    query = ("--query", f"archive={job['_id']},{job['_id']}")
    archive = succeeded(run("invoke", "download", "-m", "GET", "-H", bearer, *query, *suffix))
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        assert [found.read(name) for name in found.namelist()] == [mp3]


def test_invoke_reads_a_podcast(run: Run, url: Urls, owner: Person) -> None:
    made = web.call("POST", f"{url('jobs')}?feed=1", headers=web.bearer(owner.token))
    query = ("--query", f"feed={made.json()['url'].rpartition('/')[2]}")
    assert succeeded(run("invoke", "jobs", "-m", "GET", *query)).startswith(b"<?xml")


def test_every_line_of_the_readme(
    client: Client, owner: Person, video: Path, filename: str, inspector: Inspector, tmp_path: Path
) -> None:
    """In its order, as a person would paste them."""
    (tmp_path / filename).write_bytes(video.read_bytes())
    words = {"EMAIL": owner.email, "PASSWORD": owner.password, "test.mp4": filename}
    found = [line.text for line in lines("README.md") if line.program == "faas-cli"]
    printed = {}
    for line in found:
        for word, value in words.items():
            line = line.replace(word, value)
        command = line if client.newer else line.replace("Authorization: ", "Authorization=")
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=client.environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        name = " ".join(line.split()[1:3])
        printed[name] = succeeded(done).decode()
        if name == "invoke login":
            words["TOKEN"] = printed[name].strip()
        if name == "invoke upload":
            (job,) = inspector.jobs_named(filename)
            inspector.done(job["_id"])
            words["fid=ID"] = f"fid={job['_id']}"
    assert "login" in printed["list"]
    assert "Ready" in printed["describe upload"]
    assert str(job["_id"]) in printed["logs upload"]
    assert_tone((tmp_path / "out.mp3").read_bytes(), 440, 3.0)


def log_in(stack: PrivateStack) -> str:
    """Fail to log in, and return what a line of the function's log has of it."""
    return requests.post(f"{stack.gateway}/login", timeout=10).headers["X-Request-Id"]


def test_the_last_lines_of_a_log(run: Run, stack: PrivateStack) -> None:
    first, last = log_in(stack), log_in(stack)
    shown = succeeded(run("logs", "login", "--tail=false", "--lines=1")).decode()
    assert shown.count("\n") == 1
    assert last in shown
    shown = succeeded(run("logs", "login", "--tail=false", "--namespace=openfaas-fn")).decode()
    assert shown.index(first) < shown.index(last)


def test_a_log_since_a_time(run: Run, stack: PrivateStack) -> None:
    first = log_in(stack)
    logged = datetime.now(UTC)
    until(lambda: datetime.now(UTC).replace(microsecond=0) > logged, "the next second: the client sends whole ones")
    since = f"--since-time={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    last = log_in(stack)
    shown = succeeded(run("logs", "login", "--tail=false", since)).decode()
    assert last in shown
    assert first not in shown
    assert first in succeeded(run("logs", "login", "--tail=false", "--since=1h")).decode()


def test_a_log_is_followed(client: Client, stack: PrivateStack) -> None:
    """Which is what it does unless it is told otherwise."""
    log_in(stack)
    following = subprocess.Popen(
        [client.path, "logs", "login", "--lines=1"],
        cwd=client.folder,
        env=client.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with following:
        assert following.stdout
        assert following.stdout.readline()
        new = log_in(stack)
        assert new in following.stdout.readline()
        following.terminate()


def test_a_log_of_an_unknown_function(run: Run) -> None:
    done = run("logs", "nosuchfunction", "--tail=false")
    assert done.returncode == 1
    assert b"There is no function named nosuchfunction." in done.stdout + done.stderr


def test_an_asynchronous_call_says_what_to_do_instead(
    run: Run, client: Client, owner: Person, filename: str, inspector: Inspector
) -> None:
    bearer = client.header(f"Bearer {owner.token}")
    query = ("--query", f"filename={filename}")
    done = run("invoke", "upload", "--async", "-H", bearer, *query, stdin=bytes(LARGE_BYTES))
    assert done.returncode == 1
    assert_says(done, system.ASYNCHRONOUS)
    assert inspector.jobs_named(filename) == []


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (f"deploy -f {ROOT}/stack.yml", system.FOR_A_CLUSTER),
        ("deploy --image=example.org/echo --name=echo", system.FOR_A_CLUSTER),
        ("remove login", system.FOR_A_CLUSTER),
        ("secret list", system.SECRETS),
        ("secret create key --from-literal=value", system.SECRETS),
        ("secret update key --from-literal=value", system.SECRETS),
        ("secret remove key", system.SECRETS),
    ],
)
def test_what_needs_a_cluster_says_so(command: str, sentence: str, run: Run) -> None:
    """The status is not asserted: the older `secret create` and `secret update` exit with 0 after every error."""
    assert_says(run(*command.split()), sentence)


def assert_says(done: subprocess.CompletedProcess[bytes], sentence: str) -> None:
    """Check that a run printed a sentence that no JSON surrounds."""
    output = (done.stdout + done.stderr).decode()
    assert sentence in output
    assert "{" not in output


def test_the_other_commands(run: Run, client: Client) -> None:
    assert b"local" in succeeded(run("version", "--warn-update=false"))
    assert b"openfaas-fn" in succeeded(run("namespaces"))
    succeeded(run("login", "--username=admin", "--password-stdin", stdin=b"password"))
    assert set(rows(succeeded(run("list")))) >= {"login", "upload", "download"}


def test_invoke_with_a_wrong_password_fails(run: Run, client: Client, owner: Person) -> None:
    done = run("invoke", "login", "-H", client.header(basic(Person(owner.email, "not the password", ""))))
    assert done.returncode == 1
    assert b"unauthorized" in (done.stdout + done.stderr).lower()


def basic(person: Person) -> str:
    """Return Basic credentials."""
    return "Basic " + base64.b64encode(f"{person.email}:{person.password}".encode()).decode()
