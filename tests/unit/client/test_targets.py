"""Where MP3s go, whatever a video is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from mp3converter_client import targets
from mp3converter_client.failure import Wrong


def of(*videos: str, output: str | None = None) -> list[str]:
    return [str(target) for target in targets.of_videos([Path(video) for video in videos], output)]


def test_beside_the_video_or_in_a_folder_or_in_a_file(tmp_path: Path) -> None:
    assert of("a/talk.one.mp4", "b.mkv") == ["a/talk.one.mp3", "b.mp3"]
    assert of("a/talk.mp4", "b.mkv", output="out") == ["out/talk.mp3", "out/b.mp3"]
    assert of("a/talk.mp4", output="x/out.MP3") == ["x/out.MP3"]
    assert of("a.mp4", "b.mp4", output="out.mp3") == ["out.mp3/a.mp3", "out.mp3/b.mp3"]
    folder = tmp_path / "folder.mp3"
    folder.mkdir()
    assert of("a.mp4", output=str(folder)) == [str(folder / "a.mp3")]


@pytest.mark.parametrize(
    ("videos", "output"), [(["a/x.mp4", "b/x.mkv"], "out"), (["x.mp4", "./x.avi"], None), (["x.mp4", "x.mp4"], None)]
)
def test_two_that_would_become_one_are_refused(videos: list[str], output: str | None) -> None:
    with pytest.raises(Wrong, match="2 of these files would become"):
        of(*videos, output=output)


@pytest.mark.parametrize(("videos", "output"), [(["x.mp3"], None), (["x.mp3"], "./x.mp3")])
def test_a_file_is_not_replaced_by_its_own_mp3(videos: list[str], output: str | None) -> None:
    with pytest.raises(Wrong, match="one of the files to convert"):
        of(*videos, output=output)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("talk.mp4", "talk.mp3"),
        ("../../etc/passwd", "passwd.mp3"),
        ("C:\\videos\\talk.mp4", "talk.mp3"),
        ("/absolute/", "ID.mp3"),
        (".bashrc", "bashrc.mp3"),
        ("..", "ID.mp3"),
        ("", "ID.mp3"),
        ("a\x1b[2J\nb.mp4", "a[2Jb.mp3"),
        ("ü" * 200 + ".mp4", "ü" * 100 + ".mp3"),
        ("-rf.mp4", "-rf.mp3"),
    ],
)
def test_the_name_of_a_job_stays_in_the_folder(filename: str, name: str) -> None:
    assert targets.of_job(filename, "ID", "out", 1) == Path("out") / name
