"""One connection through the proxy, and the faults that it can have."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

BLOCK = 65_536
THROTTLED_SECONDS = 0.05  # a throttled connection sends one piece per period
LINGER_SECONDS = 5.0  # how long a peer may take to close its side after ours
MAX_PATTERN_BYTES = 128
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 seconds: close becomes a reset


@dataclass
class Match:
    """Matches the next request that contains these bytes, or every one, on any connection."""

    mark: bytes
    every: bool = False
    passed: int = 0  # bytes of its answer to pass before dropping the rest
    matched: bool = False

    def matches(self, before: bytes, data: bytes) -> bool:
        """Tell whether this data, after `before`, completes the first match."""
        edge = before[max(0, len(before) - len(self.mark) + 1) :] if self.mark else b""
        found = (self.every or not self.matched) and self.mark in edge + data
        self.matched = self.matched or found
        return found


@dataclass
class Faults:
    """The current network faults; none at first."""

    refuse: bool = False
    drop_all: bool = False
    delay: float = 0.0
    rate: float = 0.0
    drops: list[Match] = field(default_factory=list)
    hold: Match | None = None
    healed: asyncio.Event = field(default_factory=asyncio.Event)


Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network:
    """The state that all connections of a proxy share."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.fault_count = 0  # how often a fault took effect
        self.open: dict[Connection, asyncio.Task[None]] = {}

    def count_fault(self) -> None:
        """Count that a fault took effect."""
        self.fault_count += 1

    def end_each(self, end: Callable[[Connection], None]) -> None:
        """End every open connection with the given method."""
        for connection in list(self.open):
            self.count_fault()
            end(connection)

    def refuse(self) -> None:
        """Reset every connection, including new ones."""
        self.faults.refuse = True
        self.end_each(Connection.reset)

    def heal(self) -> None:
        """End all faults; connections that have lost bytes are reset."""
        for connection in list(self.open):
            if connection.broken or connection.stale:
                connection.reset()
        faulty, self.faults = self.faults, Faults()
        faulty.healed.set()


class Connection:
    """A client's connection, and the proxy's connection to the server."""

    def __init__(self, client: Pipe, server: Pipe, network: Network) -> None:
        self._client, self._server = client, server
        self._network = network
        self._before = b""
        self._asked = True  # the next bytes from the server start an answer
        self._dropping: Match | None = None
        self._ending = False
        self.stale = False  # drops everything without an error
        self.broken = False  # bytes are missing, so it must be reset when healed

    async def run(self) -> None:
        """Pass bytes in both directions until both sides have ended."""
        pumps = [
            asyncio.ensure_future(self._pump(self._client[0], self._server[1], self._request)),
            asyncio.ensure_future(self._pump(self._server[0], self._client[1], self._answer)),
        ]
        try:
            # An error on one side ends both; after a clean end the other side may continue.
            await asyncio.gather(*pumps)
        except OSError:
            self.reset()
        finally:
            for pump in pumps:
                pump.cancel()
            for _, writer in (self._client, self._server):
                writer.close()

    def end(self) -> None:
        """Close both sides cleanly; keep reading, because closing with unread bytes would send a reset."""
        self._ending = True
        for _, writer in (self._client, self._server):
            if not writer.is_closing():
                writer.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.reset)

    def reset(self) -> None:
        """Reset both sides."""
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
            await self._wait_while_dropping()
        if not sink.is_closing() and not self._ending:
            sink.write_eof()

    async def _request(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        faults = self._network.faults
        before, self._before, self._asked = self._before, (self._before + data)[-MAX_PATTERN_BYTES:], True
        if faults.hold and faults.hold.matches(before, data):
            self._network.count_fault()
            await faults.healed.wait()
        self._dropping = self._dropping or next((drop for drop in faults.drops if drop.matches(before, data)), None)
        await self._send(data, sink)

    async def _answer(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        faults = self._network.faults
        if faults.delay and self._asked:
            self._asked = False
            self._network.count_fault()
            await _rest(faults, faults.delay)
        if self._dropping is None:
            await self._send(data, sink)
            return
        passing = data[: self._dropping.passed]
        self._dropping.passed -= len(passing)
        await self._send(passing, sink)
        if self._dropping.passed <= 0:
            self._network.count_fault()
            self.reset()

    async def _send(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        while data and not self._ending:
            faults = self._network.faults
            if faults.drop_all or self.stale:
                self.broken = True
                self._network.count_fault()
                return
            size = max(1, int(faults.rate * THROTTLED_SECONDS)) if faults.rate else len(data)
            piece, data = data[:size], data[size:]
            sink.write(piece)
            await sink.drain()
            if faults.rate:
                self._network.count_fault()
                await _rest(faults, THROTTLED_SECONDS)

    async def _wait_while_dropping(self) -> None:
        # The end of a connection is dropped like its bytes.
        while (faults := self._network.faults).drop_all or self.stale:
            if self._ending:
                return
            self.broken = True
            self._network.count_fault()
            await faults.healed.wait()


async def _rest(faults: Faults, seconds: float) -> None:
    try:
        await asyncio.wait_for(faults.healed.wait(), seconds)
    except TimeoutError:
        return


def reset(writer: asyncio.StreamWriter) -> None:
    """Close one side so that its peer gets a reset."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
