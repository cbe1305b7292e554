"""Limits: the longest and largest MP3 that one conversion may make."""

from __future__ import annotations

from dataclasses import dataclass

from functions.common import errors
from functions.common.errors import Failure


@dataclass(frozen=True)
class Limits:
    """The maximum length in seconds and size in bytes of an MP3."""

    seconds: float
    length: int

    def check_seconds(self, seconds: float) -> None:
        """Raise Failure(TOO_LONG) if the sound is too long."""
        if seconds > self.seconds:
            raise Failure(errors.TOO_LONG)

    def check_length(self, length: int) -> None:
        """Raise Failure(MP3_TOO_LARGE) if the MP3 is too large."""
        if length > self.length:
            raise Failure(errors.MP3_TOO_LARGE)
