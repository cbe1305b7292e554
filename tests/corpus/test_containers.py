"""Containers: the first bytes of real files."""

from __future__ import annotations

from functions.common import containers
from tests.corpus import index

pytestmark = index.MARKS


def test_every_media_file_is_recognized() -> None:
    """Text is not."""
    for file in index.files():
        found = containers.recognized(file.path.read_bytes()[: containers.HEAD_BYTES])
        assert (found is None) == file.name.endswith(".txt"), file.name
