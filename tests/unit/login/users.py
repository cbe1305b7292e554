"""The users' table in memory; `tests/integration/test_users.py` runs the same operations on it and on a server."""

from __future__ import annotations

from dataclasses import replace

from functions.backends.users import ACTIVE, WAITING, User, Users, normal
from functions.common.errors import EMAIL_TAKEN, Failure


class MemoryUsers(Users):
    """Behaves like the table, and records lookups."""

    def __init__(self) -> None:
        self.rows: dict[int, User] = {}
        self.sought: list[str] = []

    def find(self, email: str) -> User | None:
        """Return the user with this e-mail address."""
        self.sought.append(email)
        found = [user for user in self.rows.values() if normal(user.email) == normal(email)]
        return replace(found[0], email=found[0].email.strip()) if len(found) == 1 else None

    def get(self, user: int) -> User | None:
        """Return the user with this id."""
        found = self.rows.get(user)
        return replace(found, email=found.email.strip()) if found else None

    def add(self, email: str, password: str, *, waiting: bool = False) -> User:
        """Add a user; addresses are compared without case."""
        if any(user.email.casefold() == email.casefold() for user in self.rows.values()):
            raise Failure(EMAIL_TAKEN)
        user = User(len(self.rows) + 1, email, password, WAITING if waiting else ACTIVE)
        self.rows[user.id] = user
        return user

    def change_password(self, user: User, password: str) -> bool:
        """Replace a user's password, if it has not changed since it was read."""
        if user.id not in self.rows or self.rows[user.id].password != user.password:
            return False
        self.rows[user.id] = replace(user, password=password)
        return True

    def change_state(self, user: int, state: str, *among: str) -> bool:
        """Set a user's state if it is one of these."""
        known = self.rows[user]
        if known.state in among:
            self.rows[user] = replace(known, state=state)
        return known.state in among
