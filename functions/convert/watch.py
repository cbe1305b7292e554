"""The watch over a conversion: when it must end, and how its work reports that it goes on."""

from __future__ import annotations


class Watch:
    """Give work until `deadline`, on the monotonic clock.

    The work calls `check` several times a second and `beat` when it has progressed. A subclass may raise in either to
    stop the work at once.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def check(self) -> None:
        """Let the work go on."""

    def beat(self, progress: float = 0.0) -> None:
        """Take note that the work has progressed to so many per cent, 0 where that is not known."""
