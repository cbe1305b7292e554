"""The bit reservoir: the main data of VBR frames, laid out anew in the smallest frames that hold it.

Encoders work without the reservoir, so that segments can be joined; each of their frames is stuffed up to the next
bitrate. Here a frame's main data may begin before its header again, in the room that earlier frames left. Main data,
and so the sound, stay the same to the last bit (ISO/IEC 11172-3 section 2.4.1.7; ISO/IEC 13818-3 section 2.4.1.7).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable

from functions.convert import mp3

_HEADER_BYTES = 4
_UNPROTECTED = 0x01  # no CRC follows the header


class Reservoir:
    """Lay out frames of one kind; a frame is finished once main data fills it."""

    def __init__(self, kind: mp3.Kind) -> None:
        self._head_bytes = _HEADER_BYTES + kind.side_info
        self._sizes = kind.sizes()
        self._begin_shift = kind.begin_shift
        third_shift = 8 * (kind.side_info + 1)  # of the header's third byte
        self._bitrate_shift = third_shift + 4
        self._kept = ~((0xFF ^ mp3.NOT_BITRATE) << third_shift)
        self._most = (1 << kind.side_info * 8 - kind.begin_shift) - 1
        self._length_shifts = kind.length_shifts()
        self._left = 0  # bytes before the next frame that its main data may use
        self._main = bytearray()  # main data for the frames that wait
        self._waiting: deque[tuple[bytes, int]] = deque()  # header and side information, and room for main data

    @property
    def frames(self) -> int:
        """Return how many frames wait for main data to fill them."""
        return len(self._waiting)

    def lay_out(self, data: bytes, sizes: Iterable[int]) -> tuple[bytes, array[int]]:
        """Return the frames that are finished, and their sizes; `data` has the next frames, of these sizes.

        Raises RuntimeError for a frame that already uses the reservoir, or has a CRC.
        """
        start = 0
        for size in sizes:
            self._add(data[start : start + size])
            start += size
        return self._finished()

    def end(self) -> tuple[bytes, array[int]]:
        """Return the frames that are left, and their sizes."""
        self._main += bytes(self._left)
        self._left = 0
        return self._finished()

    def _add(self, frame: bytes) -> None:
        head = int.from_bytes(frame[: self._head_bytes], "big")
        if head >> self._begin_shift & self._most or not frame[1] & _UNPROTECTED:
            raise RuntimeError("a frame that depends on others")
        bits = 0
        for shift in self._length_shifts:
            bits += head >> shift & mp3.LENGTH_MASK
        length = (bits + 7) // 8
        end = self._head_bytes + length
        # The bitrates' index begins at 1.
        index = bisect_left(self._sizes, end - self._left) + 1
        room = self._sizes[index - 1] - self._head_bytes
        head = head & self._kept | index << self._bitrate_shift | self._left << self._begin_shift
        self._waiting.append((head.to_bytes(self._head_bytes, "big"), room))
        self._main += frame[self._head_bytes : end]
        self._left += room - length
        unreachable = self._left - self._most
        if unreachable > 0:
            self._main += bytes(unreachable)
            self._left = self._most

    def _finished(self) -> tuple[bytes, array[int]]:
        parts, sizes = list[bytes | bytearray](), array("I")
        waiting, main, start = self._waiting, self._main, 0
        while waiting and start + waiting[0][1] <= len(main):
            head, room = waiting.popleft()
            parts += head, main[start : start + room]
            sizes.append(len(head) + room)
            start += room
        del main[:start]
        return b"".join(parts), sizes
