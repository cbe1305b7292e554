"""Nesting: how deep JSON from outside may nest."""

from __future__ import annotations

import re

MOST_LEVELS = 64  # the deepest that anybody has use for here has 5

_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def check(text: bytes) -> None:
    """Raise ValueError if this JSON nests deeper than MOST_LEVELS, or is not in UTF-8 (RFC 8259 sections 8.1 and 9).

    A recursive parser raises RecursionError at some depth, but a finalizer that the garbage collector runs close to
    that depth fails too, silently.
    """
    if text.count(b"[") + text.count(b"{") <= MOST_LEVELS:
        return
    if b"\0" in text:
        raise ValueError("not in UTF-8")  # in UTF-16, half a character can look like a quote
    depth = 0
    for found in _BRACKET.finditer(text):
        match found[0]:
            case b"[" | b"{":
                depth += 1
                if depth > MOST_LEVELS:
                    raise ValueError("nested too deep")
            case b"]" | b"}":
                depth -= 1
