"""A TCP proxy before a backend that simulates network faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from tests.chaos.traffic import Connection, Match, Network, reset

HOST = "127.0.0.1"
CONNECT_SECONDS = 10.0
CONTROL_SECONDS = 10.0

Result = TypeVar("Result")


class Proxy:
    """Passes bytes in both directions, with faults on demand; every method is thread-safe."""

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self._home = self._target = target
        self._network = Network()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, HOST, port), self._loop
        ).result(CONTROL_SECONDS)
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def fault_count(self) -> int:
        """Return how often a fault took effect: a connection ended, bytes dropped, delayed or slowed down."""
        return self._network.fault_count

    @property
    def connections(self) -> int:
        """Return the number of open connections."""
        return self._do(lambda: len(self._network.open))

    def cut(self) -> None:
        """Close every open connection cleanly; new ones work."""
        self._do(lambda: self._network.end_each(Connection.end))

    def reset(self) -> None:
        """Reset every open connection; new ones work."""
        self._do(lambda: self._network.end_each(Connection.reset))

    def refuse(self) -> None:
        """Reset every open connection and every new one, until healed."""
        self._do(self._network.refuse)

    def forget(self) -> None:
        """Drop all bytes of the open connections, like a router that lost its table; new ones work."""

        def do() -> None:
            for connection in self._network.open:
                connection.stale = True

        self._do(do)

    def black_hole(self) -> None:
        """Drop all bytes, also of new connections, until healed; connections stay open."""
        self._do(lambda: setattr(self._network.faults, "drop_all", True))

    def delay(self, seconds: float) -> None:
        """Delay each answer, until healed."""
        self._do(lambda: setattr(self._network.faults, "delay", seconds))

    def throttle(self, bytes_per_second: float) -> None:
        """Limit the rate of each connection in each direction, until healed."""
        self._do(lambda: setattr(self._network.faults, "rate", bytes_per_second))

    def drop_answer(self, number_of_bytes: int | None = None, *, to: bytes = b"") -> None:
        """Drop the answer to the next request that contains `to`, except its first bytes, and reset the connection.

        Called twice, this affects the next two such requests.
        """
        self._do(lambda: self._network.faults.drops.append(Match(to, passed=number_of_bytes or 0)))

    def hold(self, to: bytes, *, every: bool = False) -> None:
        """Hold the next request that contains `to`, or every one, until healed, even if its sender disconnects."""
        self._do(lambda: setattr(self._network.faults, "hold", Match(to, every)))

    def redirect(self, target: tuple[str, int]) -> None:
        """Send new connections to another server, until healed."""
        self._do(lambda: setattr(self, "_target", target))

    def heal(self) -> None:
        """End all faults; connections that have lost bytes are reset."""

        def do() -> None:
            self._target = self._home
            self._network.heal()

        self._do(do)

    def close(self) -> None:
        """Reset all connections and stop listening."""
        self._do(self._server.close)
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(CONTROL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONTROL_SECONDS)
        self._loop.close()

    def _do(self, work: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(CONTROL_SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._network.faults.refuse:
            self._network.count_fault()
            reset(writer)
            return
        try:
            server = await asyncio.wait_for(asyncio.open_connection(*self._target), CONNECT_SECONDS)
        except OSError:  # the server is down
            reset(writer)
            return
        if self._network.faults.refuse:  # since the connection attempt started
            self._network.count_fault()
            reset(writer)
            reset(server[1])
            return
        connection = Connection((reader, writer), server, self._network)
        self._network.open[connection] = asyncio.ensure_future(connection.run())
        try:
            await self._network.open[connection]
        finally:
            del self._network.open[connection]

    async def _end_all(self) -> None:
        self._network.end_each(Connection.reset)
        self._network.heal()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
