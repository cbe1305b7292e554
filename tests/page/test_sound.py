"""Send only the sound: the MP3 is that of the whole file, and where it might be another, all of the file is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.clients.waiting import until_gone
from tests.local.private import PrivateStack
from tests.media.samples import made
from tests.page.browser import Visit
from tests.page.sounds import BUILT, Sender, both

SECONDS = 2
LIBRARY_LEAST_BYTES = 100_000
TAGS = tuple(
    word
    for tag in ("title=Räume & <b>", "artist=Ada", "album=Talks", "date=2021-05", "genre=Talk", "comment=Hello")
    for word in ("-metadata", tag)
)
# Rising, and another on each side, so that each moment differs from all others.
STEREO = "0.3*sin(2*PI*(300+60*t)*t)|0.25*sin(2*PI*(500+30*t)*t):s=44100"
SURROUND = "|".join(f"0.2*sin(2*PI*{200 + 90 * side}*t)" for side in range(6)) + ":c=5.1"
CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle=Part {start}\n"
    for start, end in ((0, 900), (900, 2000))
)
# Half of the packets of each half second are missing: holes that become silence.
HOLES = ("-bsf:a", "noise=drop='gt(mod(n,22),11)'")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov")
CUT = {"start": "0.4", "end": "1.7"}

# What is created once: pictures that are larger than their sound. The names stand for the files below.
PICTURES = {
    "H264": ("h264.mp4", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "1500k", "-pix_fmt", "yuv420p"),
    "VP8": ("vp8.webm", "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1500k"),
    "HEAVY": ("heavy.mov", "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p"),
}


def film(
    pictures: str, sound: str, *words: str, late: float = 0, of: str = STEREO, chapters: bool = False
) -> tuple[str, ...]:
    """Return ffmpeg's arguments for a film; its sound has this codec, and begins late."""
    offset = ("-itsoffset", str(late)) if late else ()
    source = ("-f", "lavfi", "-i", f"aevalsrc={of}:d={SECONDS}")
    listed = ("-i", "CHAPTERS", "-map_chapters", "2") if chapters else ()
    return ("-i", pictures, *offset, *source, *listed, "-c:v", "copy", "-c:a", sound, "-strict", "-2", *words)


def sound(codec: str) -> tuple[str, ...]:
    """Return ffmpeg's arguments for a sound without pictures."""
    return ("-f", "lavfi", "-i", f"aevalsrc={STEREO}:d={SECONDS}", "-c:a", codec)


TWICE = ("-map", "0", "-map", "1", "-map", "1")
LOCKED = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32, "-encryption_kid", "1" * 32)
SHORT = ("-af", "atrim=end=0.5")

COPIED: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "aac.mp4": (film("H264", "aac", *TAGS), {}),
    "faststart.mp4": (film("H264", "aac", "-movflags", "faststart"), CUT),
    "surround.mov": (film("HEAVY", "pcm_s16le", *TAGS, of=SURROUND), {"channels": "2"}),
    "opus.mp4": (film("H264", "libopus"), {"track": "1", "cover": "none"}),
    "late.mp4": (film("H264", "aac", late=0.3), {"normalize": "-16"}),
    "holes.mp4": (film("H264", "libmp3lame", *HOLES), {}),
    "fragments.mp4": (film("H264", "aac", *FRAGMENTS, *TAGS), {}),
    "chapters.mkv": (film("H264", "aac", *TAGS, chapters=True), {}),
    "late.mkv": (film("H264", "ac3", late=0.3), CUT),
    "holes.mkv": (film("H264", "libmp3lame", *HOLES), {}),
    "flac.mkv": (film("HEAVY", "flac"), {"fade_out": "1"}),
    "live.webm": (film("VP8", "libopus", "-live", "1", *TAGS), {}),
    "vorbis.webm": (film("VP8", "libvorbis", *TAGS), {"speed": "1.5"}),
    "aac.ts": (film("H264", "aac"), {}),
    "late.ts": (film("H264", "mp2", late=0.3), CUT),
}
WHOLE: dict[str, tuple[tuple[str, ...], Mapping[str, str], str]] = {
    "film.avi": (film("H264", "mp3"), {}, "container"),
    "film.flv": (film("H264", "aac"), {}, "container"),
    "film.wmv": (film("HEAVY", "wmav2"), {}, "container"),
    "film.mpg": (film("HEAVY", "mp2", "-c:v", "mpeg2video"), {}, "container"),
    "film.m2ts": (film("H264", "ac3"), {}, "container"),
    "sound.ogg": (sound("libvorbis"), {}, "container"),
    "sound.mp3": (sound("libmp3lame"), {}, "container"),
    "sound.wav": (sound("pcm_s16le"), {}, "container"),
    "sound.m4a": (sound("aac"), {}, "only_sound"),
    "sound.mka": (sound("aac"), {}, "only_sound"),
    "silent.mp4": (film("H264", "aac", "-an"), {}, "no_sound"),
    "silent.mkv": (film("H264", "aac", "-an"), {}, "no_sound"),
    "silent.ts": (film("H264", "aac", "-an"), {}, "no_sound"),
    "loud.mkv": (film("H264", "pcm_s32le"), {}, "mostly_sound"),
    "alac.mp4": (film("H264", "alac"), {}, "codec"),
    "truehd.mkv": (film("H264", "truehd"), {}, "codec"),
    "mp2.mkv": (film("H264", "mp2"), {}, "codec"),
    "latm.ts": (film("H264", "aac", "-mpegts_flags", "latm"), {}, "codec"),
    "opus.ts": (film("H264", "libopus"), {}, "codec"),
    "locked.mp4": (film("H264", "aac", *LOCKED), {}, "codec"),
    "edited.mp4": (film("H264", "aac", "-movflags", "frag_keyframe+delay_moov"), {}, "container"),
    "chapters.mp4": (film("H264", "aac", chapters=True), {}, "chapters"),
    "two.mp4": (film("H264", "aac", *TWICE), {}, "tracks"),
    "two.mkv": (film("H264", "aac", *TWICE), {}, "tracks"),
    "two.ts": (film("H264", "aac", *TWICE), {}, "tracks"),
    "second.mp4": (film("H264", "aac"), {"track": "2"}, "tracks"),
    "frame.mp4": (film("H264", "aac"), {"cover": "1"}, "cover"),
    "short.mp4": (film("H264", "aac", *SHORT), {}, "short"),
    "short.mkv": (film("H264", "aac", *SHORT), {}, "short"),
}
DAMAGED = {
    "half.mp4": film("H264", "aac", "-movflags", "faststart"),
    "half.mkv": film("H264", "aac"),
    "half.webm": film("VP8", "libopus"),
    "half.ts": film("H264", "aac"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for films, with pictures and chapters for them."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "CHAPTERS").write_text(CHAPTERS)
    for name, *words in PICTURES.values():
        made(folder / name, "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={SECONDS}", *words)
    return folder


@pytest.fixture(scope="module")
def sender(browser: Browser, stack: PrivateStack) -> Iterator[Sender]:
    """A page that looks at what would be sent, for all tests of this file."""
    visit = Visit(browser.new_context(service_workers="block"), stack.gateway)
    yield Sender(visit.page, f"{stack.gateway}/page")
    visit.check()
    visit.context.close()


def create(folder: Path, name: str, words: tuple[str, ...]) -> Path:
    """Create a film or a sound."""
    names = {"CHAPTERS": "CHAPTERS"} | {each: words[0] for each, words in PICTURES.items()}
    return made(folder / name, *(str(folder / names[word]) if word in names else word for word in words))


@pytest.mark.parametrize("name", COPIED)
def test_the_sound_alone_becomes_the_same_mp3(name: str, folder: Path, tmp_path: Path, sender: Sender) -> None:
    """To the last byte, with its tags, chapters and notes."""
    words, options = COPIED[name]
    path = create(folder, name, words)
    sent = sender.send(path, options)
    assert (sent.why, sent.name, sent.length) == ("", name, len(sent.body))
    assert sent.length < 0.7 * path.stat().st_size
    whole, alone = both(path, sent.body, tmp_path / "made", options)
    assert whole == alone
    assert whole[1], whole[0]


@pytest.mark.parametrize(("name", "needs"), [("aac.mp4", False), ("fragments.mp4", True), ("aac.ts", True)])
def test_the_library_is_loaded_only_for_what_needs_it(name: str, needs: bool, folder: Path, visit: Visit) -> None:
    """mediabunny is ten times as large as all of the rest."""
    (library,) = (path.name for path in BUILT.glob("*.js") if path.stat().st_size > LIBRARY_LEAST_BYTES)
    loaded: list[str] = []
    visit.context.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    sender = Sender(visit.page, f"{visit.gateway}/page")
    assert sender.send(create(folder, name, COPIED[name][0])).why == ""
    assert any(file.startswith("worker-") for file in loaded)
    assert (library in loaded) == needs


@pytest.mark.parametrize("name", WHOLE)
def test_what_might_become_another_mp3_is_sent_whole(name: str, folder: Path, sender: Sender) -> None:
    words, options, why = WHOLE[name]
    path = create(folder, name, words)
    sent = sender.send(path, options)
    assert (sent.why, sent.name, sent.length) == (why, name, path.stat().st_size)


@pytest.mark.parametrize("name", DAMAGED)
def test_what_breaks_off_is_sent_whole(name: str, folder: Path, tmp_path: Path, sender: Sender) -> None:
    content = create(folder, name, DAMAGED[name]).read_bytes()
    half = tmp_path / name
    half.write_bytes(content[: len(content) // 2 + 1])
    assert sender.send(half).why == "damaged"


# A file, the letters before the byte that is changed, how far behind their beginning it is, and its new value.
CHANGED: dict[str, tuple[tuple[str, ...], bytes, int, int]] = {
    "samples.mp4": (film("H264", "aac"), b"stsz", 15, 1),
    "times.mp4": (film("H264", "aac"), b"stts", 15, 1),
    "places.mp4": (film("H264", "aac"), b"stco", 12, 0x7F),
    "bytes.mov": (film("HEAVY", "pcm_s16le"), b"stsz", 11, 2),
    "fragments.mp4": (film("H264", "aac", *FRAGMENTS), b"mdat", -1, 0),
    "index.mkv": (film("H264", "aac"), b"\x53\xab\x84\x16\x54\xae\x6b\x53\xac", 10, 0),
    "tags.mkv": (film("H264", "aac", *TAGS), b"\x45\xa3\x88DURATION", 2, 0xC8),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_contradicts_itself_is_sent_whole(name: str, folder: Path, tmp_path: Path, sender: Sender) -> None:
    words, letters, place, value = CHANGED[name]
    content = bytearray(create(folder, f"changed-{name}", words).read_bytes())
    at = content.rindex(letters) + place
    assert content[at] != value
    content[at] = value
    path = tmp_path / name
    path.write_bytes(content)
    assert sender.send(path).why == "damaged"


@pytest.mark.parametrize("name", ["joined.mkv", "joined.mp4", "text.mp4", "empty.mp4", "junk.ts"])
def test_what_is_something_else_than_it_seems_is_sent_whole(
    name: str, folder: Path, tmp_path: Path, sender: Sender
) -> None:
    content = create(folder, f"one{Path(name).suffix}", film("H264", "aac")).read_bytes()
    path = tmp_path / name
    contents = {
        "joined": content + content,
        "text": b"ftyp, moov and mdat: " * 100,
        "empty": b"",
        "junk": content[: 188 * 50] + bytes(188) + content[188 * 50 :],
    }
    path.write_bytes(contents[path.stem])
    assert sender.send(path).why in ("container", "damaged")


def test_progress_is_told(folder: Path, sender: Sender) -> None:
    path = create(folder, "long.mkv", film("HEAVY", "aac", "-c:v", "rawvideo", "-s", "640x480"))
    assert path.stat().st_size > 2 * 2**23
    shares = sender.send(path).shares
    assert len(shares) > 2
    assert list(shares) == sorted(shares)
    assert shares[-1] < 1


def test_a_file_that_is_gone_is_left_to_the_upload(folder: Path, sender: Sender) -> None:
    path = create(folder, "gone.mp4", film("H264", "aac"))
    sender.choose(path)
    path.unlink()
    code = "async (address) => (await import(address)).soundOf(document.querySelector('input').files[0])"
    assert sender.page.evaluate(code, sender.module)["whole"]


def test_it_ends_when_it_is_told_to(folder: Path, sender: Sender) -> None:
    sender.choose(create(folder, "ended.mp4", film("H264", "aac")))
    code = """async (address) => {
        const {soundOf} = await import(address);
        const ending = new AbortController();
        const [file] = document.querySelector("input").files;
        const sent = soundOf(file, {signal: ending.signal});
        ending.abort(new Error("enough"));
        return [await sent.catch(String), await soundOf(file, {signal: ending.signal}).catch(String)];
    }"""
    assert sender.page.evaluate(code, sender.module) == ["Error: enough", "Error: enough"]
    until_gone(lambda: [worker.url for worker in sender.page.workers], "workers")


def test_without_its_worker_all_of_a_file_is_sent(folder: Path, visit: Visit) -> None:
    visit.expect("worker-|ERR_FAILED")
    sender = Sender(visit.page, f"{visit.gateway}/page")
    visit.page.route("**/worker-*.js", lambda route: route.abort())
    assert sender.send(create(folder, "film.mp4", film("H264", "aac"))).why == "failed"


def stop_clock(page: Page) -> None:
    """Let time pass only as it is told to: a busy machine takes its time between two calls."""
    page.clock.install(time=datetime(2026, 1, 1, tzinfo=UTC))
    page.clock.pause_at(datetime(2026, 1, 2, tzinfo=UTC))


def test_reading_that_stands_still_is_given_up(visit: Visit) -> None:
    sender = Sender(visit.page, f"{visit.gateway}/page")
    code = """async (address) => {
        const {Reader} = await import(address);
        const never = {size: 9, slice: () => ({arrayBuffer: () => new Promise(() => {})})};
        window.given = "nothing";
        new Reader(never, () => {}).bytes(0, 9).catch((error) => (window.given = error.why));
    }"""
    stop_clock(sender.page)
    sender.page.evaluate(code, sender.module)
    sender.page.clock.run_for(14_900)
    assert sender.page.evaluate("window.given") == "nothing"
    sender.page.clock.run_for(200)
    assert sender.page.evaluate("window.given") == "stalled"


def test_a_worker_that_says_nothing_is_given_up(folder: Path, visit: Visit) -> None:
    visit.expect("worker-|ERR_")
    sender = Sender(visit.page, f"{visit.gateway}/page")
    asked: list[Route] = []
    visit.page.route("**/worker-*.js", lambda route: asked.append(route))
    sender.choose(create(folder, "film.mp4", film("H264", "aac")))
    code = """async (address) => {
        const {soundOf} = await import(address);
        window.given = "nothing";
        soundOf(document.querySelector("input").files[0]).then((sent) => (window.given = sent.why));
    }"""
    stop_clock(sender.page)
    sender.page.evaluate(code, sender.module)
    sender.page.clock.run_for(59_000)
    assert sender.page.evaluate("window.given") == "nothing"
    sender.page.clock.run_for(2_000)
    assert sender.page.evaluate("window.given") == "stalled"
    for route in asked:
        route.abort()
