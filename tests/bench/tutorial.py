"""The step that convert replaces, as the tutorials have it: the whole video in memory, a temporary file, moviepy.

A process that stays, as theirs does, so that moviepy is loaded once: each line on its standard input is the id of a
video in GridFS, and the line that it answers is the id of the MP3 and how many seconds reading the video took.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gridfs
from bson import ObjectId
from moviepy import VideoFileClip
from pymongo import MongoClient

from tests.bench.peers import EFFORT
from tests.bench.ways import KILOBITS

VIDEOS, MP3S = "plain_videos", "plain_mp3s"


def main() -> None:
    """Convert until the input ends."""
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["BENCH_MONGODB_URL"])
    database = client[os.environ["BENCH_MONGODB_DATABASE"]]
    videos, mp3s = gridfs.GridFS(database, VIDEOS), gridfs.GridFS(database, MP3S)
    print("ready", flush=True)
    for line in sys.stdin:
        print(*convert(ObjectId(line.strip()), videos, mp3s), flush=True)
    client.close()


def convert(video: ObjectId, videos: gridfs.GridFS, mp3s: gridfs.GridFS) -> tuple[ObjectId, float]:
    """Make an MP3 of one video; return its id, and the seconds that it took to have the video in memory."""
    start = time.perf_counter()
    with tempfile.NamedTemporaryFile() as file:
        content = videos.get(video).read()
        reading = time.perf_counter() - start
        file.write(content)
        file.flush()
        target = Path(tempfile.gettempdir()) / f"{video}.mp3"
        with VideoFileClip(file.name) as clip:
            # The bit rate and LAME's quality are not the tutorials' (moviepy's own 128 kbit/s), but ours.
            clip.audio.write_audiofile(
                str(target), bitrate=f"{KILOBITS}k", ffmpeg_params=["-compression_level", str(EFFORT)], logger=None
            )
    try:
        return mp3s.put(target.read_bytes()), reading
    finally:
        target.unlink()


if __name__ == "__main__":
    main()
