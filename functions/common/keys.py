"""API keys: how they look, so that leaked ones can be found, and a mistyped one is known without asking anyone."""

from __future__ import annotations

import hashlib
import secrets
import zlib

PREFIX = "mp3_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BITS = 160
_RANDOM_LENGTH, _CHECK_LENGTH = 27, 6  # of base 62, which 160 and 32 bits fit into


def new() -> str:
    """Return a new key: the prefix, 160 random bits, and a checksum (CRC-32), in base 62."""
    body = _base62(secrets.randbits(_RANDOM_BITS), _RANDOM_LENGTH)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_one(text: str) -> bool:
    """Tell whether a text can be a key: its form and checksum are right."""
    body, check = text[len(PREFIX) : -_CHECK_LENGTH], text[-_CHECK_LENGTH:]
    right = text.startswith(PREFIX) and len(text) == len(PREFIX) + _RANDOM_LENGTH + _CHECK_LENGTH
    return right and text.isascii() and check == _checksum(body)


def hashed(key: str) -> bytes:
    """Return what is stored of a key: 160 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
