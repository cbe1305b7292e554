"""The error for the user: its text says what to do."""


class Problem(Exception):
    """An error that the user can fix; its text says how."""
