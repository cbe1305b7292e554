"""Password hashing that is fast enough for tests."""

from __future__ import annotations

from typing import Literal

from argon2 import PasswordHasher, Type, extract_parameters


class QuickHasher(PasswordHasher):
    """Hashes quickly, and counts the hashes computed to check passwords."""

    def __init__(self, time_cost: int = 2) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1, type=Type.ID)
        self.checked = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        extract_parameters(str(hash))  # raises if the library computes nothing
        self.checked += 1
        return super().verify(hash, password)
