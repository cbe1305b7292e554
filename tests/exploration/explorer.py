"""Visits every state that the processes and the world can reach, with a limited number of faults."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from tests.exploration.packing import MOST, NO_PROCESS, Packing
from tests.exploration.processes import ENDED, LATE_SWEEPS, SWEEPS, next_operation
from tests.exploration.world import World, outcomes, thaw

# The hints that start a program; sweep can start at any time, and the others run once.
STARTING_HINTS = {
    "convert": frozenset({"ready"}),
    "counted convert": frozenset({"ready"}),
    "notify": frozenset({"ended"}),
    "stopped notify": frozenset({"ended"}),
    "post": frozenset({"ended"}),
    "late post": frozenset({"ended"}),
    "tell": frozenset({"ended"}),
}
CLAIMING = frozenset({"notify", "stopped notify", "post", "late post", "tell"})
ONCE = frozenset(
    {"upload", "counted upload", "count again", "delete", "revoke", "retry", "retry and convert", "post again", "close"}
) | frozenset({"change", "change and convert", "counted change"})


class Numbers:
    """Numbers values: comparing and hashing numbers makes millions of states feasible."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._values: list[Any] = []

    def of(self, value: Hashable) -> int:
        """Return a value's number."""
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            assert number < MOST, "too many to pack them"
            self._values.append(value)
        return number

    def value(self, number: int) -> Any:
        """Return the value with this number."""
        return self._values[number]


def _short_description(operation: tuple[Any, ...]) -> str:
    """Describe an operation briefly; for an update, the states that it sets."""
    if operation[:2] != ("database", "find_one_and_update"):
        return " ".join(map(str, operation[:3]))[:60]
    changes = thaw(operation[2])[1]
    states = [changes["$set"].get(path, "") for path in ("state", "mail.state", "webhook.state")]
    return f"update {' '.join(states)} {changes.get('$inc', '')}"


class Process(NamedTuple):
    """A running process: its program, its claim's name, and the number of its history of operations and answers."""

    program: str
    name: str
    history: int


class Move(NamedTuple):
    """What a process may do next: whether it is a fault, and the numbers of the world and the process after it."""

    fault: bool
    world: int
    process: int


@dataclass
class Explorer:
    """Explores from a world, with a slot for each process that may run at a time."""

    slots: tuple[str, ...]
    faults: int
    initial: World = field(default_factory=World)
    max_states: int = 3_000_000
    worlds: Numbers = field(default_factory=Numbers)
    _histories: Numbers = field(default_factory=Numbers)
    _processes: Numbers = field(default_factory=Numbers)
    _operations: Numbers = field(default_factory=Numbers)

    def __post_init__(self) -> None:
        assert self._processes.of(None) == NO_PROCESS
        self._used_hints = frozenset[str]().union(*(STARTING_HINTS.get(slot, ()) for slot in self.slots))
        # Histories are chains: the number of the history before the last answer, and the last answer.
        self._empty = self._histories.of(())
        self._end = self._operations.of(ENDED)
        self._next = cache(self._next_operation)
        self._outcomes = cache(self._possible_outcomes)
        self._moves = cache(self._possible_moves)
        self._sweeps = cache(self._possible_sweeps)
        self._claim = cache(self._free_claim)
        self._without_hints = cache(self._worlds_without_hints)
        self._packing = Packing(self.slots)
        # What a slot may do depends on the world, its own process and the faults that are left, so it is found once for
        # all states that have these in common, as the differences that it makes to them.
        self._changes: list[dict[int, list[int]]] = [{} for _ in self.slots]
        self._first_changes: list[dict[int, int]] = [{} for _ in self.slots]
        self._settled: dict[int, int] = {}

    def states(self) -> Iterator[int]:
        """Yield every reachable state once, packed into a number."""
        running = [self._new(slot, slot) if slot in ONCE else NO_PROCESS for slot in self.slots]
        first = self._packing.pack(self.worlds.of(self.initial), running, self.faults)
        seen, waiting = {first}, [first]
        for state in waiting:
            yield state
            for after in self._next_states(state):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
            assert len(seen) < self.max_states, "too many states"

    def world(self, state: int) -> int:
        """Return the number of a state's world."""
        return self._packing.world(state)

    def settled(self, state: int) -> int:
        """Return the number of the world after everything that runs has ended, without further faults.

        Sweep runs and hints are delivered until nothing changes.
        """
        settled = self._settled
        path = [self._packing.without_faults(state)]
        while (state := path[-1]) not in settled:
            following = self._next_move(state)
            if following == state:
                settled[state] = self.world(state)
            else:
                path.append(following)
                assert len(path) < 10_000, "it never settles"
        world = settled[state]
        for each in path:
            settled[each] = world
        return world

    def path_to(self, wanted: int) -> list[str]:
        """Return the events on a shortest path to a state, for the failure message."""
        before: dict[int, int | None] = {}
        for state in self.states():
            before.setdefault(state, None)
            if state == wanted:
                break
            for after in self._next_states(state):
                before.setdefault(after, state)
        chain = [wanted]
        while (earlier := before[chain[-1]]) is not None:
            chain.append(earlier)
        return [self._describe(old, new) for old, new in pairwise(reversed(chain))]

    def _describe(self, old: int, new: int) -> str:
        unpack, faults = self._packing.processes, self._packing.faults
        for was, now in zip(unpack(old), unpack(new), strict=True):
            if was != now:
                before, after = self._processes.value(was), self._processes.value(now)
                what = _short_description(self._operations.value(self._next(*before))) if before else "starts"
                led_to = self._histories.value(after.history)[-1:] if after else ()
                fault = " (fault)" if faults(new) < faults(old) else ""
                return f"{before or after}: {what}{fault} -> {str(led_to)[:60]}"
        return "a hint is lost"

    def _next_move(self, state: int) -> int:
        """Make the next move of the schedule without faults."""
        packing = self._packing
        for slot, changes in enumerate(self._first_changes):
            if packing.process(state, slot):
                part = packing.part(state, slot)
                change = changes.get(part)
                if change is None:
                    [change, *_] = self._differences(part, slot, self._moves(*packing.acting(part, slot)))
                    changes[part] = change
                return packing.after(state, slot, change)
        for slot in range(len(self.slots)):
            for started in self._starts(state, slot):
                return packing.after(state, slot, started)
        slot = self.slots.index("sweep")
        world = self.world(state)
        for program in (*SWEEPS, *LATE_SWEEPS):
            after = self._swept(world, program)
            if after != world:
                return packing.after(state, slot, packing.difference(after - world))
        return state

    def _swept(self, world: int, program: str) -> int:
        """Return the world after one of sweep's repairs, without faults."""
        process = self._new(program, "sweep")
        while process:
            [(_, world, process), *_] = self._moves(world, process)
        return world

    def _next_states(self, state: int) -> list[int]:
        packing, found = self._packing, []
        for slot, known in enumerate(self._changes):
            part = packing.part(state, slot)
            changes = known.get(part)
            if changes is None:
                if self.slots[slot] in CLAIMING and not packing.process(state, slot):
                    changes = self._starts(state, slot)  # depends on the other processes' claims
                else:
                    changes = known[part] = self._possible_changes(part, slot)
            found += packing.all_after(state, slot, changes)
        if packing.faults(state):
            world = self.world(state)
            found += [
                state + packing.difference(without - world, fault=True)  # lost in transit
                for without in self._without_hints(world, self._used_hints)
            ]
        return found

    def _possible_changes(self, part: int, slot: int) -> list[int]:
        """Return the differences that everything makes that a slot may do."""
        world, process = self._packing.acting(part, slot)
        if process:
            changes = self._differences(part, slot, self._moves(world, process))
            if self._packing.faults(part):  # killed before its next operation
                changes.append(self._packing.difference(0, slot, -process, fault=True))
            return changes
        if self.slots[slot] == "sweep":
            return self._differences(part, slot, self._sweeps(world))
        return self._starts(part, slot)

    def _differences(self, part: int, slot: int, moves: list[Move]) -> list[int]:
        world, process = self._packing.acting(part, slot)
        return [
            self._packing.difference(after - world, slot, follower - process, fault=fault)
            for fault, after, follower in moves
            if not fault or self._packing.faults(part)
        ]

    def _starts(self, state: int, slot: int) -> list[int]:
        world, changes, difference = self.world(state), [], self._packing.difference
        for without in self._without_hints(world, STARTING_HINTS.get(self.slots[slot], frozenset())):
            changes.append(difference(without - world, slot, self._started(state, slot, without)))
            if self._packing.faults(state):  # delivered twice
                changes.append(difference(0, slot, self._started(state, slot, world), fault=True))
        return changes

    def _worlds_without_hints(self, number: int, which: frozenset[str]) -> list[int]:
        world = self.worlds.value(number)
        return [self.worlds.of(world._replace(hints=world.hints - {hint})) for hint in sorted(world.hints & which)]

    def _started(self, state: int, slot: int, world: int) -> int:
        program = self.slots[slot]
        if program not in CLAIMING:
            return self._new(program, program)
        running = [self._processes.value(process) for process in self._packing.processes(state) if process]
        return self._new(program, self._claim(world, frozenset(process.name for process in running)))

    def _free_claim(self, world: int, used: frozenset[str]) -> str:
        """Return a new token, if another is in use."""
        document = repr(self.worlds.value(world).document)
        return next(each for each in map("claim-{}".format, range(99)) if each not in used and each not in document)

    def _new(self, program: str, name: str) -> int:
        return self._processes.of(Process(program, name, self._empty))

    def _possible_sweeps(self, world: int) -> list[Move]:
        """Return the first moves of all repairs, except of those that find nothing to do."""
        moves = [move for program in SWEEPS for move in self._moves(world, self._new(program, "sweep"))]
        return [move for move in moves if move != Move(False, world, NO_PROCESS)]

    def _possible_moves(self, world: int, number: int) -> list[Move]:
        process = self._processes.value(number)
        operation = self._next(*process)
        if operation == self._end:
            return [Move(False, world, NO_PROCESS)]
        return [
            Move(fault, changed, self._continued(process, answer))
            for fault, changed, answer in self._outcomes(world, operation)
        ]

    def _continued(self, process: Process, answer: tuple[str, Any]) -> int:
        after = process._replace(history=self._histories.of((process.history, answer)))
        return NO_PROCESS if self._next(*after) == self._end else self._processes.of(after)

    def _next_operation(self, program: str, name: str, history: int) -> int:
        answers = []
        while history != self._empty:
            history, answer = self._histories.value(history)
            answers.append(answer)
        return self._operations.of(next_operation(program, name, answers[::-1]))

    def _possible_outcomes(self, world: int, operation: int) -> list[tuple[bool, int, tuple[str, Any]]]:
        found = outcomes(self.worlds.value(world), self._operations.value(operation))
        return [
            (fault, self.worlds.of(after._replace(hints=after.hints & self._used_hints)), answer)
            for fault, after, answer in found
        ]
