"""A TCP proxy whose network fails as it is told: before a broker or a database, for one system and nobody else's."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from tests.chaos.traffic import Aim, Connection, Network, reset

HOST = "127.0.0.1"
CONNECT_SECONDS = 10.0
CONTROL_SECONDS = 10.0

Result = TypeVar("Result")


def free_port() -> int:
    """Return a port on which nobody listens at the moment."""
    with socket.create_server((HOST, 0)) as unused:
        return int(unused.getsockname()[1])


class Proxy:
    """Passes bytes both ways, until it is told to fail; every method may be called from any thread."""

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
    def strikes(self) -> int:
        """How often a fault has shown: a connection ended, bytes swallowed, late or slow."""
        return self._network.strikes

    @property
    def connections(self) -> int:
        """How many connections pass through at the moment."""
        return self._do(lambda: len(self._network.open))

    def cut(self) -> None:
        """End every connection that is open now in order; new ones pass."""
        self._do(lambda: self._network.end_each(Connection.end))

    def reset(self) -> None:
        """Reset every connection that is open now; new ones pass."""
        self._do(lambda: self._network.end_each(Connection.reset))

    def refuse(self) -> None:
        """Reset every connection that is open now, and each new one, until healed."""
        self._do(self._network.refuse)

    def forget(self) -> None:
        """Let all bytes of the connections that are open now vanish, as a router does that lost its table."""

        def do() -> None:
            for connection in self._network.open:
                connection.stale = True

        self._do(do)

    def black_hole(self) -> None:
        """Let all bytes vanish, of new connections too, until healed; connections stay open meanwhile."""
        self._do(lambda: setattr(self._network.faults, "vanish", True))

    def delay(self, seconds: float) -> None:
        """Let each answer come so much later, until healed."""
        self._do(lambda: setattr(self._network.faults, "delay", seconds))

    def throttle(self, bytes_per_second: float) -> None:
        """Pass no more than so many bytes a second each way on each connection, until healed."""
        self._do(lambda: setattr(self._network.faults, "rate", bytes_per_second))

    def drop_answer(self, number_of_bytes: int | None = None, *, to: bytes = b"") -> None:
        """Swallow the answer to the next request that holds `to`, all but its first bytes, and reset the connection.

        Called twice, it does so to the next two.
        """
        self._do(lambda: self._network.faults.drops.append(Aim(to, number_of_bytes or 0)))

    def hold(self, to: bytes) -> None:
        """Keep the next request that holds `to` on its way until healed, whether or not its sender still waits."""
        self._do(lambda: setattr(self._network.faults, "hold", Aim(to)))

    def redirect(self, target: tuple[str, int]) -> None:
        """Lead new connections to another server until healed."""
        self._do(lambda: setattr(self, "_target", target))

    def heal(self) -> None:
        """Pass everything again; a connection that has lost bytes ends here."""

        def do() -> None:
            self._target = self._home
            self._network.heal()

        self._do(do)

    def close(self) -> None:
        """Reset everything and stop listening."""
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
            self._network.strike()
            reset(writer)
            return
        try:
            server = await asyncio.wait_for(asyncio.open_connection(*self._target), CONNECT_SECONDS)
        except OSError:  # the server is down, and looks so from here
            reset(writer)
            return
        if self._network.faults.refuse:  # since we began to connect
            self._network.strike()
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
