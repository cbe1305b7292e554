"""Limits: how much may come out of one conversion."""

from __future__ import annotations

from dataclasses import dataclass

from functions.common import errors
from functions.common.errors import Failure


@dataclass(frozen=True)
class Limits:
    """How much may come out: seconds of sound and bytes of MP3."""

    seconds: float
    length: int

    def check_seconds(self, seconds: float) -> None:
        """Raise Failure(TOO_LONG) for more sound than may come out."""
        if seconds > self.seconds:
            raise Failure(errors.TOO_LONG)

    def check_length(self, length: int) -> None:
        """Raise Failure(MP3_TOO_LARGE) for more bytes than may come out."""
        if length > self.length:
            raise Failure(errors.MP3_TOO_LARGE)
