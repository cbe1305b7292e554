"""Time stamps of copied packets, as ffmpeg lists them, and the holes that they show."""

from __future__ import annotations

import re
from collections import deque

from functions.convert.filters import Clock

# ffmpeg's framecrc: a header with the unit of time, then for each packet its stream, DTS, PTS, duration and size.
_UNIT = re.compile(rb"#tb 0: ([0-9]{1,10})/([1-9][0-9]{0,10})$")
_PACKET = re.compile(rb"0, +-?[0-9]{1,19}, +(-?[0-9]{1,19}), +[0-9]{1,19}, +([0-9]{1,10}),")


class Stamps:
    """The time stamps of packets, by where they begin in the copied stream."""

    def __init__(self) -> None:
        self._rest = b""
        self._unit = 0.0  # s
        self._packets: deque[tuple[int, float]] = deque()
        self._ended = False
        self._end = 0  # bytes of the stream in the packets so far

    def take(self, data: bytes) -> None:
        """Take the next bytes of ffmpeg's list, b"" at its end."""
        self._ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if packet := _PACKET.match(line):
                self._packets.append((self._end, int(packet[1]) * self._unit))
                self._end += int(packet[2])
            elif unit := _UNIT.match(line):
                self._unit = int(unit[1]) / int(unit[2])

    def reach(self, position: int) -> bool:
        """Tell whether the packet at a position of the stream is known, as far as it ever will be."""
        return self._ended or position < self._end

    def at(self, position: int) -> float | None:
        """Return the stamp in seconds of the packet that begins at a position, and forget those before it."""
        while self._packets and self._packets[0][0] < position:
            self._packets.popleft()
        return self._packets[0][1] if self._packets and self._packets[0][0] == position else None


class Timeline:
    """Where sound belongs, by a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ahead = 0.0  # seconds that stamps are ahead of the sound, since the clock jumped
        self._place = 0.0  # s

    def begin(self, stamp: float) -> None:
        """Begin before zero, with sound that players skip; in seconds."""
        self._place = stamp

    def advance(self, stamp: float | None, length: float) -> float:
        """Return the hole before some sound with this stamp, and move on by its length; all in seconds."""
        hole = 0.0
        if stamp is not None and self.clock.stamped:
            ahead = stamp + self.clock.ahead - self._ahead - self._place
            found = self.clock.hole(ahead, self._place)
            if found is None:
                self._ahead += ahead
            hole = found or 0.0
        self._place += hole + length
        return hole
