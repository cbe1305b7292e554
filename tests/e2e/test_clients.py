"""Everyday HTTP clients through the gateway: what they send is understood, and what they are told reaches them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.everyday.client import FORM, RAW, Client, Reply, Resumer, Saver
from tests.clients.everyday.curl import Curl
from tests.clients.everyday.httpie import HTTPie
from tests.clients.everyday.libraries import Aiohttp, Httpx, Requests
from tests.clients.everyday.node import Node
from tests.clients.everyday.wget import Wget
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.tone import assert_tone
from tests.media.videos import tone_video

CLIENTS: dict[str, Client] = {
    "curl": Curl(),
    "wget": Wget(),
    "HTTPie": HTTPie(),
    "requests": Requests(),
    "httpx": Httpx(),
    "aiohttp": Aiohttp(),
    "node": Node(),
}
SAVERS: dict[str, Saver] = {"curl": Curl(), "wget": Wget(), "HTTPie": HTTPie(), "aiohttp": Aiohttp()}
RESUMERS: dict[str, Resumer] = {"curl": Curl(), "wget": Wget(), "HTTPie": HTTPie()}

PASSWORDS = {"latin": "Käse & Brötchen: 5 £", "other": "пароль от 会議"}
UMLAUTS, NO_ASCII = "Grüße aus Köln.mp4", "会議の録音.mp4"
SAVED = {UMLAUTS: "Grüße aus Köln.mp3", NO_ASCII: "会議の録音.mp3"}
SAVED_PLAINLY = {UMLAUTS: "Grue aus Koln.mp3", NO_ASCII: "sound.mp3"}
PLAIN = ("curl", "HTTPie")  # they read `filename`, the others `filename*`

UPLOADS = [(name, way) for name, client in CLIENTS.items() for way in client.ways]
SECONDS = 2.0
BODY_BYTES = 8 * 2**20
MOST_BYTES = 4 * 2**20
STATUSES = {"invalid_token": 401, "too_large": 413, "not_media": 415}
REFUSALS = [
    (name, way, code)
    for name, way in UPLOADS
    for code in STATUSES
    if code != "not_media" or way == RAW  # the ways do not differ once the file has begun
]


@dataclass(frozen=True)
class Stored:
    """An MP3, and where it is."""

    url: str
    content: bytes


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the clients in turn."""
    return CLIENTS[request.param]


@pytest.fixture(scope="module")
def emails(stack: PrivateStack) -> dict[str, str]:
    """Users with passwords that are not ASCII."""
    found = {name: f"{name}.password@example.org" for name in PASSWORDS}
    for name, email in found.items():
        stack.add_user(email, PASSWORDS[name])
    return found


@pytest.fixture(scope="module")
def films(videos: Path) -> dict[str, Path]:
    """One film under two names."""
    film = tone_video(videos, seconds=SECONDS)
    return {name: Path(shutil.copy(film, videos / name)) for name in SAVED}


@pytest.fixture(scope="module")
def beginnings(films: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Half of the film under both names: its conversion fails at once, which saves time."""
    folder = tmp_path_factory.mktemp("beginnings")
    for name, film in films.items():
        (folder / name).write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    return {name: folder / name for name in films}


@pytest.fixture(scope="module")
def mp3s(films: dict[str, Path], owner: Person, url: Urls, inspector: Inspector) -> dict[str, Stored]:
    """The MP3s of both films."""
    fids = {name: web.uploaded(url("upload"), owner.token, film) for name, film in films.items()}
    for fid in fids.values():
        inspector.done(fid)
    whole = {name: web.download(url("download"), owner.token, fid).body for name, fid in fids.items()}
    return {name: Stored(f"{url('download')}?fid={fid}", whole[name]) for name, fid in fids.items()}


@pytest.fixture(scope="module")
def low_limit(stack: PrivateStack) -> Iterator[None]:
    """An upload that takes little."""
    stack.reconfigure("upload", UPLOAD_MAX_BYTES=str(MOST_BYTES))
    yield
    stack.reconfigure("upload")


@pytest.fixture(scope="module")
def refused(videos: Path) -> dict[str, Path]:
    """A body of some megabytes for each refusal."""
    film = tone_video(videos, seconds=SECONDS).read_bytes()
    bodies = {"invalid_token": film, "too_large": film, "not_media": b"This is not a video.\n"}
    found = {code: videos / f"{code}.mp4" for code in bodies}
    for code, path in found.items():
        path.write_bytes(bodies[code].ljust(MOST_BYTES if code == "not_media" else BODY_BYTES))
    return found


def assert_problem(client: Client, reply: Reply, status: int, code: str) -> None:
    """Check that the client has got a whole error response."""
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json"), reply
    if isinstance(client, Wget) and status == 401:
        return  # it drops that body
    assert (reply.json()["status"], reply.json()["code"]) == (status, code)


def answered(stack: PrivateStack, url: str, status: int) -> int:
    """Count the downloads of an address that were answered with this status."""
    fid, answer = url.rpartition("=")[2], f'"status": {status},'
    return sum(fid in line and answer in line for line in stack.log("download").splitlines())


@pytest.mark.parametrize("name", PASSWORDS)
def test_login(client: Client, name: str, emails: dict[str, str], url: Urls) -> None:
    """The address may be typed in capitals; a password is read in UTF-8, or in Latin-1 as requests sends it."""
    reply = client.login(url("login"), emails[name].upper(), PASSWORDS[name])

    assert reply.status == 200
    assert reply.body.decode().strip().count(".") == 2


def test_a_wrong_password(client: Client, emails: dict[str, str], url: Urls) -> None:
    reply = client.login(url("login"), emails["latin"], PASSWORDS["other"])

    assert_problem(client, reply, 401, "wrong_credentials")
    assert reply.headers["www-authenticate"] == 'Basic realm="mp3converter", charset="UTF-8"'


@pytest.mark.parametrize(("name", "way"), UPLOADS)
def test_an_upload(
    name: str, way: str, beginnings: dict[str, Path], owner: Person, url: Urls, inspector: Inspector
) -> None:
    """Forms, bodies and streams without a length arrive whole, under the file's own name."""
    for film in beginnings.values() if way == FORM else [beginnings[UMLAUTS if way == RAW else NO_ASCII]]:
        reply = CLIENTS[name].upload(way, url("upload"), owner.token, film)

        assert reply.status == 202, reply
        job = inspector.job(reply.json()["id"])
        sha256 = hashlib.sha256(film.read_bytes()).hexdigest()
        assert (job["filename"], job["size"], job["sha256"]) == (film.name, film.stat().st_size, sha256)


@pytest.mark.parametrize(("name", "way", "code"), REFUSALS)
@pytest.mark.usefixtures("low_limit")
def test_a_refused_upload(name: str, way: str, code: str, refused: dict[str, Path], owner: Person, url: Urls) -> None:
    """A client that is still sending gets the answer, not a reset."""
    token = owner.token.swapcase() if code == "invalid_token" else owner.token
    reply = CLIENTS[name].upload(way, url("upload"), token, refused[code])

    assert_problem(CLIENTS[name], reply, STATUSES[code], code)


def test_all_wait_until_the_mp3_is_ready(
    films: dict[str, Path], owner: Person, url: Urls, stack: PrivateStack, no_connector: Callable[[], None]
) -> None:
    """Nothing is converted before each client has seen that it must wait."""
    fid = web.uploaded(url("upload"), owner.token, films[UMLAUTS])
    address = f"{url('download')}?fid={fid}"
    for each in CLIENTS.values():
        reply = each.get(address, owner.token)
        assert_problem(each, reply, 409, "not_ready")
        assert reply.headers["retry-after"] == "2"
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        waiting = [pool.submit(each.wait, address, owner.token) for each in CLIENTS.values()]
        until(lambda: answered(stack, address, 409) >= 2 * len(CLIENTS), "all clients to be told to wait")
        no_connector()
        (mp3,) = {each.result() for each in waiting}
    assert_tone(mp3, 440, SECONDS)


def test_a_download(client: Client, mp3s: dict[str, Stored], owner: Person) -> None:
    """Whole, in part, and not at all if the client has it."""
    stored = mp3s[UMLAUTS]
    whole = client.get(stored.url, owner.token)
    rest = client.get(stored.url, owner.token, Range="bytes=1000-")
    known = client.get(stored.url, owner.token, If_None_Match=whole.headers["etag"])

    assert (whole.status, whole.headers["content-type"], whole.body) == (200, "audio/mpeg", stored.content)
    length = len(stored.content)
    assert (rest.status, rest.headers["content-range"]) == (206, f"bytes 1000-{length - 1}/{length}")
    assert rest.body == stored.content[1000:]
    assert (known.status, known.body) == (304, b"")


@pytest.mark.parametrize("saver", SAVERS)
@pytest.mark.parametrize("name", SAVED)
def test_the_name_of_a_saved_file(
    saver: str, name: str, mp3s: dict[str, Stored], owner: Person, tmp_path: Path
) -> None:
    SAVERS[saver].save(mp3s[name].url, owner.token, tmp_path)

    (saved,) = (path for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert saved.name == (SAVED_PLAINLY if saver in PLAIN else SAVED)[name]
    assert saved.read_bytes() == mp3s[name].content


@pytest.mark.parametrize("name", RESUMERS)
def test_an_interrupted_download(
    name: str, mp3s: dict[str, Stored], owner: Person, stack: PrivateStack, tmp_path: Path
) -> None:
    before = answered(stack, mp3s[UMLAUTS].url, 206)
    begun = tmp_path / "begun.mp3"
    begun.write_bytes(mp3s[UMLAUTS].content[:1000])
    RESUMERS[name].resume(mp3s[UMLAUTS].url, owner.token, begun)

    assert begun.read_bytes() == mp3s[UMLAUTS].content
    until(lambda: answered(stack, mp3s[UMLAUTS].url, 206) == before + 1, "the access line of a part")
