"""States packed into numbers: comparing, hashing and changing numbers makes millions of states feasible."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

NO_PROCESS = 0  # the number of None

_FAULT_BITS = 2
_BITS = 24  # of the numbers of a world and a process
MOST = 1 << _BITS
_FAULTS = (1 << _FAULT_BITS) - 1
_NUMBER = MOST - 1


class Packing:
    """The places in a number of the world's number, of the number of the process in each slot, and of the faults left.

    A change is a number, too: the difference that it makes to every state in which it is possible.
    """

    def __init__(self, slots: Sequence[str]) -> None:
        self._shifts = [_FAULT_BITS + _BITS * slot for slot in range(len(slots))]
        self._world = _FAULT_BITS + _BITS * len(slots)
        self._parts = [_NUMBER << self._world | _NUMBER << shift | _FAULTS for shift in self._shifts]
        # The order of two converters does not matter.
        self._twins = [slot for slot, (one, other) in enumerate(pairwise(slots)) if one == other]
        self._paired = {slot + side for slot in self._twins for side in (0, 1)}

    def pack(self, world: int, running: Sequence[int], faults: int) -> int:
        """Return the number of a state."""
        assert faults <= _FAULTS, "too many faults"
        processes = sum(process << shift for process, shift in zip(running, self._shifts, strict=True))
        return world << self._world | processes | faults

    def world(self, state: int) -> int:
        """Return the number of the world."""
        return state >> self._world

    def process(self, state: int, slot: int) -> int:
        """Return the number of the process in a slot."""
        return state >> self._shifts[slot] & _NUMBER

    def processes(self, state: int) -> list[int]:
        """Return the number of the process in each slot."""
        return [state >> shift & _NUMBER for shift in self._shifts]

    def faults(self, state: int) -> int:
        """Return how many faults are left."""
        return state & _FAULTS

    def without_faults(self, state: int) -> int:
        """Return the same state with no faults left."""
        return state & ~_FAULTS

    def part(self, state: int, slot: int) -> int:
        """Return the part of a state that a slot depends on: the world, its process, and the faults that are left."""
        return state & self._parts[slot]

    def acting(self, part: int, slot: int) -> tuple[int, int]:
        """Return the numbers of the world and of a slot's process."""
        return self.world(part), self.process(part, slot)

    def difference(self, world: int, slot: int = 0, process: int = 0, *, fault: bool = False) -> int:
        """Return the change that makes these differences to the numbers of the world and of a slot's process."""
        return (world << self._world) + (process << self._shifts[slot]) - fault

    def after(self, state: int, slot: int, change: int) -> int:
        """Return the state after a change in a slot."""
        return self._ordered(state + change) if slot in self._paired else state + change

    def all_after(self, state: int, slot: int, changes: list[int]) -> list[int]:
        """Return the state after each of these changes in a slot."""
        if slot in self._paired:
            return [self._ordered(state + change) for change in changes]
        return [state + change for change in changes]

    def _ordered(self, state: int) -> int:
        for first in self._twins:
            one, other = self.process(state, first), self.process(state, first + 1)
            if one > other:
                state += ((other - one) << self._shifts[first]) + ((one - other) << self._shifts[first + 1])
        return state
