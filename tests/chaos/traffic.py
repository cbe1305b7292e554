"""One connection through the fault proxy, and what the proxy may do to it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

BLOCK = 65_536
THROTTLED_SECONDS = 0.05  # a slow line passes what it may in so short a time, then rests
LINGER_SECONDS = 5.0  # how long a peer may take to end its side after an orderly end of ours
LONGEST_MARK = 128
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close becomes a reset


@dataclass
class Aim:
    """The next request that is of interest: the one that holds these bytes, on whatever connection."""

    mark: bytes
    passed: int = 0  # how many bytes of its answer still come through
    hit: bool = False

    def takes(self, before: bytes, data: bytes) -> bool:
        """Tell whether the search ends in this data, which follows what was sent before; it ends only once."""
        edge = before[max(0, len(before) - len(self.mark) + 1) :] if self.mark else b""
        found = not self.hit and self.mark in edge + data
        self.hit = self.hit or found
        return found


@dataclass
class Faults:
    """What is wrong with the network; nothing, at first."""

    refuse: bool = False
    vanish: bool = False
    delay: float = 0.0
    rate: float = 0.0
    drops: list[Aim] = field(default_factory=list)
    hold: Aim | None = None
    healed: asyncio.Event = field(default_factory=asyncio.Event)


Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network:
    """What all connections of a proxy share."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.strikes = 0  # how often a fault has shown
        self.open: dict[Connection, asyncio.Task[None]] = {}

    def strike(self) -> None:
        """Count one more time that a fault has shown."""
        self.strikes += 1

    def end_each(self, end: Callable[[Connection], None]) -> None:
        """End every connection that is open now, one way or the other."""
        for connection in list(self.open):
            self.strike()
            end(connection)

    def refuse(self) -> None:
        """Reset every connection, those to come too."""
        self.faults.refuse = True
        self.end_each(Connection.reset)

    def heal(self) -> None:
        """Pass everything again; a connection that has lost bytes ends here."""
        for connection in list(self.open):
            if connection.broken or connection.stale:
                connection.reset()
        sick, self.faults = self.faults, Faults()
        sick.healed.set()


class Connection:
    """A client's connection and ours to the server behind it."""

    def __init__(self, client: Pipe, server: Pipe, network: Network) -> None:
        self._client, self._server = client, server
        self._network = network
        self._before = b""
        self._asked = True  # whether the next bytes from the server begin an answer
        self._dropping: Aim | None = None
        self._ending = False
        self.stale = False  # nothing of what is sent arrives any more, and nobody is told
        self.broken = False  # bytes are missing: it must not go on, once the network is well

    async def run(self) -> None:
        """Pass bytes both ways until both sides have ended."""
        pumps = [
            asyncio.ensure_future(self._pump(self._client[0], self._server[1], self._request)),
            asyncio.ensure_future(self._pump(self._server[0], self._client[1], self._answer)),
        ]
        try:
            # An error on one side ends both; an orderly end leaves the other its time.
            await asyncio.gather(*pumps)
        except OSError:
            self.reset()
        finally:
            for pump in pumps:
                pump.cancel()
            for _, writer in (self._client, self._server):
                writer.close()

    def end(self) -> None:
        """End both sides in order; what still arrives is read, for closing over unread bytes would be a reset."""
        self._ending = True
        for _, writer in (self._client, self._server):
            if not writer.is_closing():
                writer.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.reset)

    def reset(self) -> None:
        """Reset both sides at once."""
        self._ending = True
        for _, writer in (self._client, self._server):
            reset(writer)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        treat: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
    ) -> None:
        try:
            while data := await source.read(BLOCK):
                if not self._ending:
                    await treat(data, sink)
        finally:
            await self._wait_out_the_hole()
        if not sink.is_closing() and not self._ending:
            sink.write_eof()

    async def _request(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        faults = self._network.faults
        before, self._before, self._asked = self._before, (self._before + data)[-LONGEST_MARK:], True
        if faults.hold and faults.hold.takes(before, data):
            self._network.strike()
            await faults.healed.wait()
        self._dropping = self._dropping or next((aim for aim in faults.drops if aim.takes(before, data)), None)
        await self._send(data, sink)

    async def _answer(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        faults = self._network.faults
        if faults.delay and self._asked:
            self._asked = False
            self._network.strike()
            await _rest(faults, faults.delay)
        if self._dropping is None:
            await self._send(data, sink)
            return
        passing = data[: self._dropping.passed]
        self._dropping.passed -= len(passing)
        await self._send(passing, sink)
        if self._dropping.passed <= 0:
            self._network.strike()
            self.reset()

    async def _send(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        while data and not self._ending:
            faults = self._network.faults
            if faults.vanish or self.stale:
                self.broken = True
                self._network.strike()
                return
            size = max(1, int(faults.rate * THROTTLED_SECONDS)) if faults.rate else len(data)
            piece, data = data[:size], data[size:]
            sink.write(piece)
            await sink.drain()
            if faults.rate:
                self._network.strike()
                await _rest(faults, THROTTLED_SECONDS)

    async def _wait_out_the_hole(self) -> None:
        # The end of a connection vanishes like its bytes.
        while (faults := self._network.faults).vanish or self.stale:
            if self._ending:
                return
            self.broken = True
            self._network.strike()
            await faults.healed.wait()


async def _rest(faults: Faults, seconds: float) -> None:
    try:
        await asyncio.wait_for(faults.healed.wait(), seconds)
    except TimeoutError:
        return


def reset(writer: asyncio.StreamWriter) -> None:
    """Close one side so that its peer sees a reset."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
