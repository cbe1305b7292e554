"""The one error that a person is meant to read: a sentence that says what to do."""


class Problem(Exception):
    """Something that the person at the keyboard can put right; its text says how."""
