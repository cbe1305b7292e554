"""The command line that people install, on the real system: through every door, and however it is cut off."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local import ports, stack_file
from local.home import ROOT
from tests.chaos.proxy import Proxy
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mp3 import Ended, Mp3
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.e2e.test_api_keys import listed
from tests.e2e.test_delete import forgotten
from tests.local import port_shares
from tests.local.private import PrivateStack
from tests.media.another import another_file
from tests.media.tone import assert_tone
from tests.media.videos import silent_video, tone_video

NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
HERTZ, SECONDS = 440, 3
PASSED_ON = "reverse_proxy {} {{\n flush_interval -1\n}}\n"
SLOW_UP, SLOW_DOWN = 200_000, 5_000  # bytes a second


@pytest.fixture
def client(stack: PrivateStack, owner: Person, tmp_path: Path) -> Mp3:
    """The client of somebody who has a token in a file."""
    (tmp_path / "token").write_text(owner.token)
    return Mp3(tmp_path, {"MP3_URL": stack.gateway, "MP3_TOKEN_FILE": str(tmp_path / "token")})


@pytest.fixture
def talk(video: Path, tmp_path: Path) -> Path:
    """A video in the folder of that person."""
    return video.rename(tmp_path / "talk one.mp4")


@pytest.fixture
def proxy(stack: PrivateStack) -> Iterator[Proxy]:
    """A connection to the gateway that can be cut."""
    parts = urlsplit(stack.gateway)
    found = Proxy((str(parts.hostname), int(parts.port or 0)))
    yield found
    found.close()


@pytest.fixture
def far(client: Mp3, proxy: Proxy) -> Mp3:
    """The client behind that connection."""
    return Mp3(client.folder, {**client.variables, "MP3_URL": f"http://127.0.0.1:{proxy.port}"})


@pytest.fixture
def ingress(stack: PrivateStack, tmp_path: Path) -> Iterator[str]:
    """The URL of a proxy that routes by host, as Knative's ingress does, to each function's own port."""
    (port,) = [port for port in port_shares.of_tests() if ports.is_free(port)][:1]
    routes = [
        f"http://{name}.default.example.com:{port} {{\n{PASSED_ON.format(urlsplit(url).netloc)}}}\n"
        for name, url in stack.functions.items()
        if not stack_file.takes_events(name)
    ]
    config = tmp_path / "Caddyfile"
    config.write_text(
        f"{{\nadmin off\nauto_https off\n}}\n{''.join(routes)}http://:{port} {{\nrespond nobody 404\n}}\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [shutil.which("caddy") or "caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as caddy:
        until(lambda: not ports.is_free(port), "the ingress")
        yield f"http://127.0.0.1:{port}"
        caddy.kill()


def only(done: Ended, status: int = 0) -> dict[str, str]:
    """Return the only object of a command that ended like this."""
    assert done.status == status, done
    (found,) = done.objects
    return dict(found)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def converted(client: Mp3, talk: Path, inspector: Inspector, url: str, **variables: str) -> None:
    """Convert a video at this address, and forget it: with every function but login."""
    there = Mp3(client.folder, {**client.variables, "MP3_URL": url, **variables})
    job = only(there.run("convert", talk, "-o", "out", "--json", "--bitrate", "64"))
    assert (job["file"], job["state"], job["output"]) == (str(talk), "done", "out/talk one.mp3")
    assert_tone(client.folder / job["output"], HERTZ, SECONDS)
    assert only(there.run("delete", job["id"], "--json")) == {"id": job["id"], "state": "deleted"}
    assert only(there.run("get", job["id"], "--json"), 1)["state"] == "failed"
    forgotten(inspector, job["id"])


@pytest.mark.parametrize("below", ["", "/function"], ids=["gateway", "OpenFaaS"])
def test_below_one_address(client: Mp3, stack: PrivateStack, talk: Path, inspector: Inspector, below: str) -> None:
    converted(client, talk, inspector, stack.gateway + below)


def test_with_a_host_for_each_function(client: Mp3, ingress: str, talk: Path, inspector: Inspector) -> None:
    """As on Knative; the ingress is a proxy here, so that no name need be known."""
    converted(client, talk, inspector, "http://{function}.default.example.com", http_proxy=ingress)


def test_a_job_is_converted_again(client: Mp3, talk: Path, url: Urls) -> None:
    fid = web.uploaded(url("upload"), (client.folder / "token").read_text(), talk)
    assert client.run("get", fid, "-o", "first.mp3").status == 0, "once it is done"
    assert only(client.run("list", "--limit", "1", "--json"))["id"] == fid
    assert only(client.run("retry", fid, "--json", "--bitrate", "96"))["id"] == fid
    changes = client.run("watch", fid, "--json").objects
    assert (changes[-1]["state"], changes[-1]["options"]) == ("done", {"bitrate": 96})
    assert only(client.run("get", fid, "-o", "again.mp3", "--json"))["output"] == "again.mp3"
    assert_tone(client.folder / "again.mp3", HERTZ, SECONDS)


def test_several_files_of_which_some_fail(client: Mp3, talk: Path, videos: Path) -> None:
    """Each file ends for itself, with a line and a sentence of its own."""
    other = another_file(tone_video(videos, 880.0)).rename(client.folder / "other.mp4")
    silent = shutil.copy(another_file(silent_video(videos)), client.folder / "silent.mp4")
    done = client.run("convert", talk, other, silent, "none.mp4", "--json")
    assert done.status == 1
    found = {Path(each["file"]).name: each for each in done.objects}
    assert {name: each["state"] for name, each in found.items()} == {
        "talk one.mp4": "done",
        "other.mp4": "done",
        "silent.mp4": "failed",
        "none.mp4": "failed",
    }
    assert_tone(client.folder / "talk one.mp3", HERTZ, SECONDS)
    assert_tone(client.folder / "other.mp3", 880, SECONDS)
    assert found["silent.mp4"]["error"]["code"] == "no_audio"
    assert f"{client.folder}/silent.mp4: The video has no sound track.\n" in done.complaint
    assert "none.mp4: No such file or directory.\n" in done.complaint
    assert [name for name in files(client.folder) if ".part" in name] == []


def test_people_read_lines_instead(client: Mp3, talk: Path) -> None:
    done = client.run("convert", "talk one.mp4")
    said = re.fullmatch(r"talk one\.mp4 → talk one\.mp3  (0:03, \d+\.\d KiB)\n", done.text)
    assert (done.status, done.complaint, bool(said)) == (0, "", True), done
    line, *_ = client.run("list", "--name", "talk one").text.splitlines()
    assert " done " in line
    assert line.endswith(f"talk one.mp4  {said and said[1]}")


def test_a_terminal_shows_bars(client: Mp3, talk: Path) -> None:
    status, shown = client.on_a_terminal("convert", talk, answers={})
    assert status == 0, shown
    steps = [word for word in ("upload", "conversion", "download") if f"talk one.mp4 {word}" in " ".join(shown.split())]
    assert steps == ["upload", "conversion", "download"]
    assert f"{talk} → " in shown


def test_a_file_that_exists_is_not_replaced(client: Mp3, video: Path, filename: str, inspector: Inspector) -> None:
    talk = video.rename(client.folder / filename)
    target = talk.with_suffix(".mp3")
    target.write_text("something else")
    done = client.run("convert", talk)
    assert (done.status, target.read_text()) == (1, "something else")
    assert "--force" in done.complaint
    assert inspector.jobs_named(filename) == [], "nothing was sent"
    assert client.run("convert", talk, "--skip-existing") == Ended(0, f"{talk}: {target} is there already\n", "")
    assert client.run("convert", talk, "--force").status == 0
    assert_tone(target, HERTZ, SECONDS)
    fid = only(client.run("list", "--limit", "1", "--json"))["id"]
    assert "is there already" in client.run("get", fid).text
    target.write_text("something else")
    assert client.run("get", fid).status == 1
    assert target.read_text() == "something else"


def test_a_cut_download_goes_on(far: Mp3, proxy: Proxy, talk: Path) -> None:
    proxy.drop_answer(5_000, to=b"If-Range")
    done = far.run("convert", talk)
    assert (done.status, proxy.fault_count) == (0, 1), done
    assert "The download was cut. Going on." in done.complaint
    assert_tone(far.folder / "talk one.mp3", HERTZ, SECONDS)
    assert "talk one.mp3.part" not in files(far.folder)


def test_an_upload_whose_answer_is_lost_makes_one_job(far: Mp3, proxy: Proxy, talk: Path, inspector: Inspector) -> None:
    named = talk.rename(far.folder / f"{os.urandom(8).hex()}.mp4")
    proxy.drop_answer(to=b"Idempotency-Key")
    done = far.run("convert", named)
    assert (done.status, proxy.fault_count) == (0, 1), done
    assert "cannot be reached: the connection failed. Trying again" in done.complaint
    assert [job["state"] for job in inspector.jobs_named(named.name)] == ["done"]


def interrupted(client: Mp3, process: subprocess.Popen[str]) -> Ended:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)
    done = client.end(process)
    assert (done.status, done.text) == (130, ""), done
    return done


def test_ctrl_c_while_uploading(far: Mp3, proxy: Proxy, video: Path, filename: str, inspector: Inspector) -> None:
    """The upload is cancelled, what waited was never sent, and nothing is stored."""
    first = video.rename(far.folder / filename)
    first.write_bytes(first.read_bytes() + bytes(20_000_000))
    second = shutil.copy(first, far.folder / "second.mp4")
    proxy.throttle(SLOW_UP)
    with far.start("convert", first, second, "--jobs", "1") as process:
        until(lambda: [job["state"] for job in inspector.jobs_named(filename)] == ["receiving"], "the upload")
        done = interrupted(far, process)
    assert f"{first}: Interrupted. The upload is cancelled.\n" in done.complaint
    assert f"{second}: Interrupted. Nothing was sent.\n" in done.complaint
    proxy.heal()
    until(lambda: {job["state"] for job in inspector.jobs_named(filename)} <= {"aborted"}, "the end of the upload")
    assert [name for name in files(far.folder) if ".mp3" in name] == []


def test_ctrl_c_while_it_is_converted(far: Mp3, proxy: Proxy, talk: Path) -> None:
    """The service goes on, and the client says how to get the MP3."""
    proxy.hold(b"/events")
    with far.start("convert", talk) as process:
        until(lambda: proxy.fault_count, "the client to follow the job")
        done = interrupted(far, process)
    proxy.heal()
    words = re.search(r"The service goes on converting it. To download the MP3: mp3 (get .+)\n", done.complaint)
    assert words, done
    assert far.run(*shlex.split(words[1])).status == 0
    assert_tone(talk.with_suffix(".mp3"), HERTZ, SECONDS)


def test_ctrl_c_while_downloading(far: Mp3, proxy: Proxy, talk: Path) -> None:
    """What has arrived is kept under another name, and the next download begins there."""
    fid = only(far.run("convert", talk, "-o", "first.mp3", "--json", "--bitrate", "320"))["id"]
    part = far.folder / "second.mp3.part"
    proxy.throttle(SLOW_DOWN)
    with far.start("get", fid, "-o", "second.mp3") as process:
        until(lambda: part.exists() and part.stat().st_size, "the beginning of the MP3")
        done = interrupted(far, process)
    assert f"{fid}: Interrupted. To go on with the download: mp3 get {fid} -o second.mp3\n" in done.complaint
    assert 0 < part.stat().st_size < (far.folder / "first.mp3").stat().st_size
    proxy.heal()
    assert far.run("get", fid, "-o", "second.mp3").status == 0
    assert (far.folder / "second.mp3").read_bytes() == (far.folder / "first.mp3").read_bytes()
    assert not part.exists()


def test_all_jobs_are_watched(
    client: Mp3, no_connector: Callable[[], None], talk: Path, url: Urls, inspector: Inspector
) -> None:
    """Those that wait, each change, and what is deleted, until Ctrl-C."""
    fid = web.uploaded(url("upload"), (client.folder / "token").read_text(), talk)
    with client.start("watch", "--json") as process:
        told = client.objects(process)
        assert first(told, fid)["state"] == "queued"
        no_connector()
        while first(told, fid)["state"] != "done":
            pass
        assert client.run("delete", fid).status == 0
        while first(told, fid) != {"id": fid, "state": "deleted"}:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    forgotten(inspector, fid)


def first(told: Iterator[Any], fid: str) -> Any:
    """Return the next object about a job."""
    return next(each for each in told if each["id"] == fid)


def test_login_and_logout(stack: PrivateStack, url: Urls, other_user: Person, tmp_path: Path) -> None:
    """A key is made, kept where nobody else can read it, used, and revoked; a second login replaces the first."""
    client = Mp3(tmp_path, NO_KEYRING)
    answers = {"E-mail address: ": other_user.email, "Password: ": other_user.password}
    for _ in range(2):
        status, shown = client.on_a_terminal("login", "--url", stack.gateway, answers=answers)
        assert status == 0, shown
        assert other_user.password not in shown
    kept = tmp_path / ".config" / "mp3converter-client" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert other_user.password not in kept.read_text()
    (key,) = listed(url, other_user)
    assert key["name"].startswith("mp3 on ")
    assert client.run("list") == Ended(0, "", "")
    assert client.run("logout") == Ended(0, "", f"Logged out at {stack.gateway}.\n")
    assert listed(url, other_user) == []
    assert not kept.exists()
    assert client.run("list") == Ended(1, "", "Log in first: mp3 login. Programs set MP3_TOKEN or MP3_KEY instead.\n")
    assert client.run("logout").status == 1


def test_a_wrong_password(stack: PrivateStack, other_user: Person, tmp_path: Path) -> None:
    client = Mp3(tmp_path, NO_KEYRING)
    answers = {"E-mail address: ": other_user.email, "Password: ": "wrong"}
    status, shown = client.on_a_terminal("login", "--url", stack.gateway, answers=answers)
    assert (status, "The e-mail address or the password is wrong." in shown) == (1, True)
    assert not (tmp_path / ".config").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("convert",),
        ("convert", "."),
        ("convert", "a.mp4", "b/a.mp4", "-o", "out"),
        ("convert", "a.mp4", "--bitrate", "100"),
        ("convert", "a.mp4", "-o", "token"),
        ("login", "--url", "ftp://x"),
        ("login",),
        ("list", "--state", "gone"),
        ("dance",),
    ],
    ids=" ".join,
)
def test_wrong_usage(client: Mp3, words: tuple[str, ...]) -> None:
    done = client.run(*words)
    assert (done.status, done.text, done.complaint != "") == (2, "", True)


def test_an_old_token_is_said_before_anything_is_sent(client: Mp3, talk: Path) -> None:
    (client.folder / "token").write_text("x.y.z")
    done = client.run("convert", talk, "b.mp4", "--json")
    assert (done.status, done.complaint) == (1, "The token is invalid or has expired. Log in again.\n")
    assert [each["error"]["code"] for each in done.objects] == ["invalid_token"] * 2


def test_from_the_repository(stack: PrivateStack, client: Mp3, talk: Path) -> None:
    """./local/mp3 knows where the local system is, takes files from where its caller is, and says how it was called."""
    program = ROOT / "local" / "mp3"
    environment = {"PATH": os.environ["PATH"], "HOME": str(client.folder), "LOCAL_HOME": str(stack.home), **NO_KEYRING}

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        everything = {**environment, **variables}
        return subprocess.run(
            [program, *words],
            cwd=client.folder,
            env=everything,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run("list").stderr.startswith(f"Log in first: {program} login.")
    done = run("convert", talk.name, MP3_TOKEN_FILE=client.variables["MP3_TOKEN_FILE"])
    assert done.returncode == 0, done.stderr
    assert_tone(client.folder / "talk one.mp3", HERTZ, SECONDS)
