"""What can go wrong: a failure of one file or of all, and wrong usage."""

from __future__ import annotations


class Failure(Exception):
    """Something did not work: a stable code for programs, a sentence for people, and the answer's status or 0."""

    def __init__(self, code: str, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status

    def shown(self) -> dict[str, str]:
        """Return it as --json prints it."""
        return {"code": self.code, "title": self.sentence}

    def asking_to_wait(self, seconds: float) -> Failure:
        """Return it with how long the service asks to wait, which was too long to do it."""
        return Failure(self.code, f"{self.sentence} The service asks to wait {seconds:.0f} s.", self.status)


class Wrong(Exception):
    """The command line or a setting is wrong; the text says what is right."""
