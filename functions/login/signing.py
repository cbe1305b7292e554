"""The signer of tokens, with the key of the settings."""

from __future__ import annotations

from functools import lru_cache

from functions.common.settings import Signing
from functions.common.tokens import Signer


@lru_cache(maxsize=1)  # no former private key stays in memory
def signer(signing: Signing) -> Signer:
    """Return the signer of these settings."""
    return Signer(signing.private_key, signing.token_ttl, signing.previous_keys)
