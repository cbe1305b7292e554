"""What a benchmark must reach, beside what it reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.comparison import print_table


@dataclass(frozen=True)
class Target:
    """One figure, and the least or the most that it may be."""

    what: str
    figure: float
    least: float | None = None
    most: float | None = None
    unit: str = "times"

    @property
    def met(self) -> bool:
        """Tell whether the figure is what it must be."""
        return (self.least is None or self.figure >= self.least) and (self.most is None or self.figure <= self.most)

    @property
    def wanted(self) -> str:
        """Say what it must be."""
        bounds = [("at least", self.least), ("at most", self.most)]
        return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def print_targets(targets: Sequence[Target]) -> bool:
    """Print each figure with its verdict; tell whether all were met."""
    rows = [
        (target.what, f"{target.figure:.2f}", target.unit, target.wanted, "ok" if target.met else "MISSED")
        for target in targets
    ]
    print()
    print_table(("", "measured", "", "target", ""), rows)
    return all(target.met for target in targets)
