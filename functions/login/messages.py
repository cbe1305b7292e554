"""Messages: what the letters of login say."""

from __future__ import annotations

from functions.common.letters import Letter, Link

_ONCE = "The link works once and expires after a day."
_CONFIRM = "Someone, probably you, signed up with this address. Confirm it, and you can log in:"
_NOT_YOU = "If this was not you, ignore this mail. Without the link, nobody can log in."
_KNOWN = "Someone, probably you, signed up with this address. You already have an account, so just log in."
_FORGOTTEN = "If you have forgotten your password, set a new one here:"
_RESET = "Someone, probably you, asked for a new password for this address. Set it here:"
_UNCHANGED = "If this was not you, ignore this mail. Your password has not changed."


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
