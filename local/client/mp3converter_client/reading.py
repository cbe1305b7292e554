"""The body of an upload: a file that is read while it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from mp3converter_client import settings
from mp3converter_client.failure import Failure

_BLOCK_BYTES = 65_536


class Body:
    """So many bytes of a file; `moved` hears how many of them have been read."""

    def __init__(self, file: BinaryIO, length: int, moved: Callable[[int], None]) -> None:
        self._file = file
        self._left = self._length = length
        self._moved = moved
        file.seek(0)

    def __len__(self) -> int:
        """Return how many bytes are announced."""
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; requests takes what has this for a stream."""
        return iter(lambda: self.read(_BLOCK_BYTES), b"")

    def read(self, most: int = _BLOCK_BYTES) -> bytes:
        """Return the next bytes, none at the end. Raises Failure if the file has become shorter or cannot be read."""
        try:
            block = self._file.read(min(most, self._left))
        except OSError as error:  # or it would pass for one of the connection
            raise Failure("file", f"{settings.reason(error)}.") from error
        if not block and self._left:
            raise Failure("changed", "The file became shorter while it was sent.")
        self._left -= len(block)
        self._moved(len(block))
        return block
