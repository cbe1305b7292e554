"""Visits every state that the processes and the world can reach, with a limited number of faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from tests.exploration.processes import ENDED, LATE_SWEEPS, SWEEPS, next_operation
from tests.exploration.world import World, outcomes, thaw

# The hints that start a program; sweep can start at any time, and the others run once.
STARTING_HINTS = {
    "convert": frozenset({"ready"}),
    "counted convert": frozenset({"ready"}),
    "notify": frozenset({"ended"}),
    "stopped notify": frozenset({"ended"}),
}
ONCE = frozenset({"upload", "counted upload", "count again", "delete", "revoke", "retry", "retry and convert"})


class Numbers:
    """Numbers values: comparing and hashing numbers makes millions of states feasible."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._values: list[Any] = []

    def of(self, value: Hashable) -> int:
        """Return a value's number."""
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
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
    states = [changes["$set"].get(path, "") for path in ("state", "mail.state")]
    return f"update {' '.join(states)} {changes.get('$inc', '')}"


class Process(NamedTuple):
    """A running process: its program, its claim's name, and the number of its history of operations and answers."""

    program: str
    name: str
    history: int


class State(NamedTuple):
    """The number of the world, the number of the process in each slot, and how many faults are left."""

    world: int
    running: tuple[int, ...]
    faults: int


class Move(NamedTuple):
    """What a process may do next: whether it is a fault, and the numbers of the world and the process after it."""

    fault: bool
    world: int
    process: int


NO_PROCESS = 0  # the number of None


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

    def __post_init__(self) -> None:
        assert self._processes.of(None) == NO_PROCESS
        self._used_hints = frozenset[str]().union(*(STARTING_HINTS.get(slot, ()) for slot in self.slots))
        # Histories are chains: the number of the history before the last answer, and the last answer.
        self._empty = self._histories.of(())
        self._next = cache(self._next_operation)
        self._outcomes = cache(self._possible_outcomes)
        self._moves = cache(self._possible_moves)
        self._sweeps = cache(self._possible_sweeps)
        self._settled: dict[State, int] = {}
        # The order of two converters does not matter.
        self._twins = [slot for slot, (one, other) in enumerate(pairwise(self.slots)) if one == other]

    def states(self) -> Iterator[State]:
        """Yield every reachable state once."""
        running = tuple(self._new(slot, slot) if slot in ONCE else NO_PROCESS for slot in self.slots)
        first = State(self.worlds.of(self.initial), running, self.faults)
        seen, waiting = {first}, deque([first])
        while waiting:
            state = waiting.popleft()
            yield state
            for after in self._next_states(state):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
                    assert len(seen) < self.max_states, "too many states"

    def settled(self, state: State) -> int:
        """Return the number of the world after everything that runs has ended, without further faults.

        Sweep runs and hints are delivered until nothing changes.
        """
        path = [State(state.world, state.running, 0)]
        while path[-1] not in self._settled:
            following = self._next_move(path[-1])
            if following == path[-1]:
                self._settled[following] = following.world
            else:
                path.append(following)
                assert len(path) < 10_000, "it never settles"
        world = self._settled[path[-1]]
        self._settled.update(dict.fromkeys(path, world))
        return world

    def path_to(self, wanted: State) -> list[str]:
        """Return the events on a shortest path to a state, for the failure message."""
        before: dict[State, State | None] = {}
        for state in self.states():
            before.setdefault(state, None)
            if state == wanted:
                break
            for after in self._next_states(state):
                before.setdefault(after, state)
        chain = [wanted]
        while earlier := before[chain[-1]]:
            chain.append(earlier)
        return [self._describe(old, new) for old, new in pairwise(reversed(chain))]

    def _describe(self, old: State, new: State) -> str:
        for was, now in zip(old.running, new.running, strict=True):
            if was != now:
                before, after = self._processes.value(was), self._processes.value(now)
                what = _short_description(self._next(*before)) if before else "starts"
                led_to = self._histories.value(after.history)[-1:] if after else ()
                fault = " (fault)" if new.faults < old.faults else ""
                return f"{before or after}: {what}{fault} -> {str(led_to)[:60]}"
        return "a hint is lost"

    def _next_move(self, state: State) -> State:
        """Make the next move of the schedule without faults."""
        for slot, process in enumerate(state.running):
            if process:
                return next(self._after_moves(state, slot, self._moves(state.world, process)))
        for slot, program in enumerate(self.slots):
            for started in self._starts(state, slot, program):
                return started
        for program in (*SWEEPS, *LATE_SWEEPS):
            after = self._after_sweep(state, program)
            if after != state:
                return after
        return state

    def _after_sweep(self, state: State, program: str) -> State:
        slot = self.slots.index("sweep")
        state = self._with(state, slot, self._new(program, "sweep"), state.world)
        while process := state.running[slot]:
            state = next(self._after_moves(state, slot, self._moves(state.world, process)))
        return state

    def _next_states(self, state: State) -> Iterator[State]:
        for slot, process in enumerate(state.running):
            if process:
                yield from self._after_moves(state, slot, self._moves(state.world, process))
                if state.faults:  # killed before its next operation
                    yield self._with(state, slot, NO_PROCESS, state.world, fault=True)
            elif self.slots[slot] == "sweep":
                yield from self._after_moves(state, slot, self._sweeps(state.world))
            else:
                yield from self._starts(state, slot, self.slots[slot])
        if state.faults:
            for without in self._without_hint(state, self._used_hints):
                yield State(without, state.running, state.faults - 1)  # lost in transit

    def _without_hint(self, state: State, which: frozenset[str]) -> Iterator[int]:
        world = self.worlds.value(state.world)
        for hint in sorted(world.hints & which):
            yield self.worlds.of(world._replace(hints=world.hints - {hint}))

    def _starts(self, state: State, slot: int, program: str) -> Iterator[State]:
        for without in self._without_hint(state, STARTING_HINTS.get(program, frozenset())):
            yield self._started(state, slot, without)
            if state.faults:  # delivered twice
                yield self._started(state, slot, state.world)._replace(faults=state.faults - 1)

    def _started(self, state: State, slot: int, world: int) -> State:
        program = self.slots[slot]
        name = program
        if "notify" in program:  # a new token, if another is in use
            document = repr(self.worlds.value(world).document)
            used = {self._processes.value(process).name for process in state.running if process}
            name = next(each for each in map("claim-{}".format, range(99)) if each not in used and each not in document)
        return self._with(state, slot, self._new(program, name), world)

    def _new(self, program: str, name: str) -> int:
        return self._processes.of(Process(program, name, self._empty))

    def _after_moves(self, state: State, slot: int, moves: list[Move]) -> Iterator[State]:
        for fault, world, process in moves:
            if state.faults or not fault:
                yield self._with(state, slot, process, world, fault=fault)

    def _possible_sweeps(self, world: int) -> list[Move]:
        """Return the first moves of all repairs, except of those that find nothing to do."""
        moves = [move for program in SWEEPS for move in self._moves(world, self._new(program, "sweep"))]
        return [move for move in moves if move != Move(False, world, NO_PROCESS)]

    def _possible_moves(self, world: int, number: int) -> list[Move]:
        process = self._processes.value(number)
        operation = self._next(*process)
        if operation == ENDED:
            return [Move(False, world, NO_PROCESS)]
        return [
            Move(fault, changed, self._continued(process, answer))
            for fault, changed, answer in self._outcomes(world, operation)
        ]

    def _continued(self, process: Process, answer: tuple[str, Any]) -> int:
        after = process._replace(history=self._histories.of((process.history, answer)))
        return NO_PROCESS if self._next(*after) == ENDED else self._processes.of(after)

    def _next_operation(self, program: str, name: str, history: int) -> tuple[Any, ...]:
        answers = []
        while history != self._empty:
            history, answer = self._histories.value(history)
            answers.append(answer)
        return next_operation(program, name, answers[::-1])

    def _possible_outcomes(self, world: int, operation: tuple[Any, ...]) -> list[tuple[bool, int, tuple[str, Any]]]:
        found = outcomes(self.worlds.value(world), operation)
        return [
            (fault, self.worlds.of(after._replace(hints=after.hints & self._used_hints)), answer)
            for fault, after, answer in found
        ]

    def _with(self, state: State, slot: int, process: int, world: int, *, fault: bool = False) -> State:
        running = (*state.running[:slot], process, *state.running[slot + 1 :])
        for first in self._twins:
            if running[first] > running[first + 1]:
                running = (*running[:first], running[first + 1], running[first], *running[first + 2 :])
        return State(world, running, state.faults - fault)
