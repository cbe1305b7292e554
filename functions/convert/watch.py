"""The watch over a conversion: its deadline, and the calls by which the work reports progress."""

from __future__ import annotations


class Watch:
    """Limit work by a `deadline` on the monotonic clock.

    The work calls `check` several times a second and `beat` whenever it has progressed. A subclass may raise in either
    to stop the work at once.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def check(self) -> None:
        """Continue; a subclass may raise to stop the work."""

    def beat(self, progress: float = 0.0) -> None:
        """Report progress in percent; 0 means that the percentage is unknown."""
