"""Where each MP3 goes."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from mp3converter_client.failure import Wrong

_ENDING = ".mp3"
_MOST_BYTES = 200


def of_videos(videos: list[Path], output: str | None) -> list[Path]:
    """Return the file for each video's MP3. Raises Wrong if two would be the same, or one is a video itself."""
    if _is_file(output, len(videos)):
        targets = [Path(output or "")]
    else:
        targets = [(Path(output) if output else video.parent) / f"{video.stem}{_ENDING}" for video in videos]
    for place, count in Counter(os.path.abspath(target) for target in targets).items():
        if count > 1:
            raise Wrong(f"{count} of these files would become {place}. Convert them one after another, with -o.")
    own = {os.path.abspath(video) for video in videos}
    for target in targets:
        if os.path.abspath(target) in own:
            raise Wrong(f"{target} is one of the files to convert. Choose another folder with -o.")
    return targets


def of_job(filename: str, job_id: str, output: str | None, count: int) -> Path:
    """Return the file for the MP3 of a job, of so many; the name is what somebody has called a video."""
    if _is_file(output, count):
        return Path(output or "")
    name = re.split(r"[/\\]", filename)[-1]
    stem = "".join(each for each in Path(name).stem if each.isprintable()).lstrip(". ")
    stem = stem.encode(errors="ignore")[:_MOST_BYTES].decode(errors="ignore")
    return Path(output or "") / f"{stem or job_id}{_ENDING}"


def _is_file(output: str | None, count: int) -> bool:
    """Tell whether -o names a file: the only one, as people write it for other programs."""
    return output is not None and count == 1 and output.lower().endswith(_ENDING) and not Path(output).is_dir()
