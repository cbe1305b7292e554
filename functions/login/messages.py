"""Messages: what the letters of login say."""

from __future__ import annotations

from functions.common.letters import Letter, Link

_ONCE = "The link works once, for a day."
_CONFIRM = "Somebody, probably you, signed up with this address. Confirm it, and you can log in:"
_NOT_YOU = "If it was not you, ignore this mail: nobody can log in without the link."
_KNOWN = "Somebody, probably you, signed up with this address. You have an account already, so just log in."
_FORGOTTEN = "If you do not know the password any more, set a new one here:"
_RESET = "Somebody, probably you, asked for a new password for this address. Set it here:"
_UNCHANGED = "If it was not you, ignore this mail: your password stays as it is."


def confirm(link: str) -> Letter:
    """Return the letter to a new address."""
    blocks = (_CONFIRM, Link("Confirm this address", link), _ONCE)
    return Letter("Confirm your address", _CONFIRM, blocks, (_NOT_YOU,))


def known(link: str) -> Letter:
    """Return the letter to somebody who signs up and has an account."""
    blocks = (_KNOWN, _FORGOTTEN, Link("Set a new password", link), _ONCE)
    return Letter("You have an account", _KNOWN, blocks, (_UNCHANGED,))


def reset(link: str) -> Letter:
    """Return the letter to somebody who asked for a new password."""
    blocks = (_RESET, Link("Set a new password", link), _ONCE)
    return Letter("Set a new password", _RESET, blocks, (_UNCHANGED,))
