"""Slow peers: connections over which a byte a second is sent, or a few read; one that ends is opened again."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PAUSE_SECONDS = 1.0
_TINY_BYTES = 4096  # of the buffer for what is not read yet
_CONNECT_SECONDS = 30.0
_STATUS_BYTES = 12  # HTTP/1.1 200


@dataclass(frozen=True)
class Peer:
    """What a connection does: it sends `first` at once and `rest` slowly, and reads at most `taken` bytes a second."""

    url: str
    first: bytes
    rest: bytes = b""
    taken: int = 1


@dataclass
class Seen:
    """What became of all connections: how many ended, by the status of the response."""

    ended: Counter[str] = field(default_factory=Counter)


@contextmanager
def at_work(peers: Sequence[Peer]) -> Iterator[Seen]:
    """Keep all these connections open until the block ends."""
    seen, ready = Seen(), threading.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        running = [loop.create_task(_again_and_again(peer, seen)) for peer in peers]
        loop.call_later(_PAUSE_SECONDS * 2, ready.set)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*running)

    task = loop.create_task(run())
    thread = threading.Thread(target=loop.run_until_complete, args=[task])
    thread.start()
    try:
        ready.wait()
        yield seen
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def _again_and_again(peer: Peer, seen: Seen) -> None:
    while True:
        status = b""
        try:
            status = await _talk(peer)
        except (OSError, TimeoutError) as error:
            status = type(error).__name__.encode()
        seen.ended[status.decode() or "no response"] += 1
        await asyncio.sleep(_PAUSE_SECONDS)


async def _talk(peer: Peer) -> bytes:
    """Talk until the connection ends; return the beginning of the response."""
    parts = urlsplit(peer.url)
    loop, read = asyncio.get_running_loop(), b""
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, max(_TINY_BYTES, peer.taken))
        await asyncio.wait_for(loop.sock_connect(connection, (parts.hostname, parts.port)), _CONNECT_SECONDS)
        await loop.sock_sendall(connection, peer.first)
        for byte in peer.rest or b" " * 10**6:
            if peer.rest:
                with suppress(BrokenPipeError, ConnectionResetError):  # the response can still be read
                    await loop.sock_sendall(connection, bytes([byte]))
            await asyncio.sleep(_PAUSE_SECONDS)
            with suppress(BlockingIOError):
                more = connection.recv(peer.taken if len(read) >= _STATUS_BYTES else _STATUS_BYTES)
                read = (read + more)[:_STATUS_BYTES]
                if not more or (peer.rest and len(read) == _STATUS_BYTES):
                    break
    return read[9:_STATUS_BYTES]
