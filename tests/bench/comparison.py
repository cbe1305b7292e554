"""Compare ways of doing one thing: A, B, A, B in one run, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

Measure = Callable[[], float]


def interleaved(ways: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Measure each way once a round, after one round that does not count."""
    for measure in ways.values():
        measure()
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for name, measure in ways.items():
            measured[name].append(measure())
    return measured


def print_comparison(measured: Mapping[str, list[float]], unit: str) -> None:
    """Print medians, their spread, and each one's ratio to the first."""
    first = median(next(iter(measured.values())))
    rows = [
        (name, f"{median(values):.0f}", f"{min(values):.0f} to {max(values):.0f}", f"{median(values) / first:.2f}")
        for name, values in measured.items()
    ]
    print_table(("", unit, "spread", "ratio"), rows)


def print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under a head, each column as wide as it needs to be."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        first, *others = (
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]), flush=True)
