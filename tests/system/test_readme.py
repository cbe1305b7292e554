"""Every curl line of the README, with its placeholders filled in, is run by the real curl."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.clients import curl, web
from tests.readme import lines
from tests.system.conftest import System


def test_every_curl_line_of_the_readme(system: System, token: str, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "test.mp4")
    fid = web.uploaded(system.function_url("upload"), token, video)
    assert system.mp3(token, fid).status == 200
    found = [line.text for line in lines("README.md") if line.program == "curl"]
    assert len(found) >= 5
    words = {"EMAIL": system.email, "PASSWORD": system.password, "TOKEN": token, "fid=ID": f"fid={fid}"}
    for line in found:
        for word, value in {**words, "http://HOST/": system.function_url(""), "curl ": "curl --fail "}.items():
            line = line.replace(word, value)
        curl.run(line, tmp_path)
    assert (tmp_path / "out.mp3").read_bytes() == web.download(system.function_url("download"), token, fid).body
