"""The image of convert makes an MP3 when it may write only to /tmp."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.containers.container import running
from tests.containers.image import Image
from tests.media.samples import made, pictures, tone

pytestmark = [pytest.mark.platforms, pytest.mark.parametrize("function", ["convert"])]

# The options make it use each library: moviepy's effects, ffmpeg, LAME, mutagen.
CONVERT = """
import shutil, time
from pathlib import Path
from mutagen.mp3 import MP3
from functions.common.options import Options
from functions.convert import engine
from functions.convert.limits import Limits
from functions.convert.watch import Watch
source, target = Path("/tmp/in"), Path("/tmp/out.mp3")
shutil.copy("/video.mp4", source)
engine.convert(
    source, target, Options(fade_in=0.5, speed=2.0, title="A tone"),
    Watch(time.monotonic() + 60), limits=Limits(43_200, 2**31), encoders=0,
)
mp3 = MP3(target)
print(mp3.info.length, mp3.tags["TIT2"])
"""


def test_it_converts(image: Image, words: list[str], settings: dict[str, str], tmp_path: Path) -> None:
    video = made(tmp_path / "video.mp4", *pictures(4), *tone(4))
    video.chmod(0o444)

    with running(image, [*words, f"--volume={video}:/video.mp4:ro"], settings) as container:
        seconds, title = container.python(CONVERT).split(maxsplit=1)

    assert float(seconds) == pytest.approx(2.0, abs=0.1)
    assert title.strip() == "A tone"
