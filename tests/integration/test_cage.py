"""The cage: programs in it have only its folder, its pipes and its limits, and end with it."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.common.options import Options
from functions.convert import engine, ffmpeg
from functions.convert.cage import Cage, Child
from functions.convert.limits import Limits
from functions.convert.watch import Watch
from tests.clients import processes
from tests.clients.waiting import until, until_gone
from tests.media.samples import made, tone

PYTHON = [sys.executable, "-S", "-c"]
MEGABYTE = 2**20
WATCH_SECONDS = 1.5
MIN_CHECKS = 3


@pytest.mark.attack("S4")
def test_a_program_has_no_environment_descriptors_or_new_privileges(
    cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGODB_URL", "a secret")
    with socket.socket() as kept:
        os.set_inheritable(kept.fileno(), True)
        script = "import os; print(dict(os.environ), sorted(os.listdir('/proc/self/fd')), os.getsid(0) == os.getppid())"
        output = cage.run([*PYTHON, script], MEGABYTE).output.decode()
        status = cage.run(["/bin/cat", "/proc/self/status"], MEGABYTE).output.decode()
    assert "secret" not in output
    assert "['0', '1', '2', '3']" in output  # 3 is the listing itself
    assert "NoNewPrivs:\t1" in status


def test_file_size_is_limited(cage: Cage) -> None:
    outcome = cage.run([*PYTHON, "open('large', 'wb').write(bytes(10_000_000))"], MEGABYTE)
    assert outcome.code != 0
    assert (cage.folder / "large").stat().st_size <= 65_536


def test_error_output_is_truncated(cage: Cage) -> None:
    outcome = cage.run([*PYTHON, "import os\nfor _ in range(1000): os.write(2, b'x' * 1000) if _ < 60 else 0"], 10)
    assert len(outcome.words) == 60_000
    noisy = "import os\nfor _ in range(1000):\n try: os.write(2, b'x' * 1000)\n except OSError: pass\nprint('alive')"
    outcome = cage.run([*PYTHON, noisy], 100)
    assert (outcome.code, outcome.output, len(outcome.words)) == (0, b"alive\n", 65_536)


def test_memory_is_limited(cage: Cage) -> None:
    outcome = cage.run([*PYTHON, "x = bytearray(2 << 30)"], MEGABYTE)
    assert outcome.code == 1
    assert "MemoryError" in outcome.words


def test_endless_output_is_stopped(cage: Cage) -> None:
    assert cage.run(["/usr/bin/yes"], 1000).output == b"y\n" * 500


def test_truncated_output_is_an_error(cage: Cage) -> None:
    """A program that exited with 0, but printed more than the limit, counts as killed."""
    child = cage.start([*PYTHON, "print('x' * 299)"])
    assert child.process.wait(30) == 0
    outcome = cage.finish(child, 200)
    assert (outcome.code, outcome.output) == (-signal.SIGKILL, b"x" * 200)


def test_output_of_the_maximum_length_is_complete(cage: Cage) -> None:
    outcome = cage.run([*PYTHON, "print('x' * 199)"], 200)
    assert (outcome.code, len(outcome.output)) == (0, 200)


@pytest.mark.parametrize("words", [["/bin/sleep", "60"], [*PYTHON, "while True: pass"]])
def test_time_is_limited(words: list[str], tmp_path: Path) -> None:
    start = time.monotonic()
    with Cage(tmp_path, Watch(time.monotonic() + 0.5)) as cage, pytest.raises(Failure) as failure:
        cage.run(words, 10)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT
    assert time.monotonic() - start < 10


def test_processor_time_is_limited(tmp_path: Path) -> None:
    """Even if the wall clock is stopped, the processor time is limited."""
    with Cage(tmp_path, Watch(time.monotonic() + 0.001)) as cage:
        child = cage.start([*PYTHON, "while True: pass"])
        until(lambda: child.process.poll() is not None, "the program to be killed", 20)
        assert child.process.returncode == -signal.SIGXCPU


def test_children_of_children_end_with_the_block(tmp_path: Path) -> None:
    with Cage(tmp_path, Watch(time.monotonic() + 30)) as cage:
        child = cage.start(["/bin/sh", "-c", "sleep 77 & echo $!; wait"])
        grandchild = int(child.stdout.readline())
        assert processes.inside(tmp_path) == {child.process.pid, grandchild}
    until_gone(lambda: processes.inside(tmp_path), "the grandchild", 5)


def test_a_hanging_program_is_checked_but_does_no_work(tmp_path: Path) -> None:
    def start(cage: Cage) -> Child:
        child = cage.start([*PYTHON, "import time; print('ready', flush=True); time.sleep(60)"])
        assert child.stdout.readline() == b"ready\n"
        return child

    first, *later = checks(tmp_path, start)
    assert first  # it has read its own code
    assert not any(later)


def test_a_program_that_reads_steadily_works(tmp_path: Path) -> None:
    """Also beside a program that hangs."""

    def start(cage: Cage) -> Child:
        reading = "import os, time\nwhile os.read(0, 100): time.sleep(0.02)"
        with open("/dev/zero", "rb") as zeros:
            cage.start([*PYTHON, reading], stdin=zeros)
        return cage.start(["/bin/sleep", "60"])

    seen = checks(tmp_path, start)
    assert sum(seen) > len(seen) / 2


def checks(folder: Path, start: Callable[[Cage], Child]) -> list[bool]:
    """Wait for a program until the deadline; return for each check whether the programs had worked."""
    seen: list[bool] = []

    class RecordingWatch(Watch):
        def check(self) -> None:
            seen.append(False)

        def beat(self, progress: float = 0.0) -> None:
            seen[-1] = True

    with Cage(folder, RecordingWatch(time.monotonic() + WATCH_SECONDS)) as cage:
        child = start(cage)
        with pytest.raises(Failure) as failure:
            cage.code(child)
    assert failure.value.kind is errors.CONVERT_TIMED_OUT
    assert len(seen) >= MIN_CHECKS
    return seen


@pytest.mark.parametrize("raising", ["check", "beat"])
def test_an_exception_while_waiting_ends_the_programs(
    raising: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LostLease(Exception):
        pass

    ran: set[int] = set()

    def lost() -> None:
        ran.update(processes.inside(tmp_path))
        raise LostLease

    watch = Watch(time.monotonic() + 60)
    monkeypatch.setattr(watch, raising, lost)
    with pytest.raises(LostLease), Cage(tmp_path, watch) as cage:
        cage.run(["/bin/sh", "-c", "sleep 77 & wait"], 10)
    assert ran
    until_gone(lambda: processes.inside(tmp_path), "the programs", 5)


@pytest.fixture
def request_recorder() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server that must not be contacted, and its recorded requests."""
    requests: list[str] = []

    class RequestRecorder(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            requests.append(str(self.client_address))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), RequestRecorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", requests
        server.shutdown()


SCRIPTS = {
    "concat script": "ffconcat version 1.0\nfile 'neighbour'\n",
    "concat script, absolute": "ffconcat version 1.0\nfile '{folder}/neighbour'\n",
    "concat script of a URL": "ffconcat version 1.0\nfile 'http://{server}/a.mp4'\n",
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nneighbour\n#EXT-X-ENDLIST\n",
    "playlist, absolute": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{folder}/neighbour\n#EXT-X-ENDLIST\n",
    "playlist of a URL": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{server}/a.ts\n#EXT-X-ENDLIST\n",
    "playlist with a key": (
        '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://{server}/key"\n#EXTINF:9,\nneighbour\n#EXT-X-ENDLIST\n'
    ),
    "concat of protocols": "#EXTM3U\n#EXTINF:9,\nconcat:neighbour|http://{server}/a\n#EXT-X-ENDLIST\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "DASH": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
        'mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://{server}/a.mp4</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    ),
    "subtitles of images": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n",
}


@pytest.mark.attack("B12", "B13")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_file_cannot_open_others(name: str, request_recorder: tuple[str, list[str]], tmp_path: Path) -> None:
    """Neither a neighbour nor a server is contacted: the upload is refused as not media."""
    address, requests = request_recorder
    made(tmp_path / "neighbour.ts", *tone(3.0)).rename(tmp_path / "neighbour")
    (tmp_path / "in").write_text(SCRIPTS[name].replace("{folder}", str(tmp_path)).replace("{server}", address))
    with pytest.raises(Failure) as failure:
        _convert(tmp_path)
    assert failure.value.kind is errors.NOT_MEDIA
    assert requests == []


def test_the_same_script_opens_its_neighbour_without_the_restriction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: without the list of allowed demuxers, the neighbour's sound is converted."""
    made(tmp_path / "neighbour.ts", *tone(3.0)).rename(tmp_path / "neighbour")
    (tmp_path / "in").write_text(SCRIPTS["concat script"])
    monkeypatch.setattr(ffmpeg, "DEMUXERS", "concat,mpegts")
    assert _convert(tmp_path).duration > 2


def _convert(folder: Path) -> engine.Made:
    return engine.convert(
        folder / "in",
        folder / "out.mp3",
        Options(),
        Watch(time.monotonic() + 20),
        limits=Limits(1e4, 2**30),
        encoders=0,
    )
