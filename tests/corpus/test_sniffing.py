"""Upload's check of the first bytes of real files."""

from __future__ import annotations

import pytest

from functions.common.errors import Failure
from functions.upload import sniffing
from tests.corpus import index

pytestmark = index.MARKS


def test_every_media_file_is_accepted() -> None:
    """Every container is accepted; text is refused."""
    for file in index.files():
        head = file.path.read_bytes()[: sniffing.HEAD_BYTES]
        if file.name.endswith(".txt"):
            with pytest.raises(Failure):
                sniffing.require_media(head)
        else:
            sniffing.require_media(head)
