"""The keys of tokens: a JWK set whose first key signs; a former key says in it until when it counts (exp)."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Key = dict[str, Any]

MARGIN_SECONDS = 300  # clocks differ


def private_key() -> str:
    """Generate an Ed25519 key that signs tokens."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_key(private_key: str) -> Key:
    """Return the JWK that verifies this key's signatures."""
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    # RFC 7638: the hash of the required members, in alphabetical order and without spaces
    thumbprint = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**required, "kid": _base64url(thumbprint), "use": "sig", "alg": "EdDSA"}


def settled(keys: list[Key], private_key: str, token_ttl: int, now: float) -> list[Key]:
    """Return the keys to verify with: that of the signer, then former ones until the tokens that they signed end.

    One without an end is of a rotation that was cut off: it may have signed until now.
    """
    known = {key["kid"]: key for key in keys}
    signing = public_key(private_key)
    first = known.pop(signing["kid"], {**signing, "iat": int(now)})
    end = int(now) + token_ttl + MARGIN_SECONDS
    former = [{**key, "exp": key.get("exp", end)} for key in known.values()]
    return [
        {name: value for name, value in first.items() if name != "exp"},
        *(key for key in former if key["exp"] > now),
    ]


def with_new(keys: list[Key], private_key: str, now: float) -> list[Key]:
    """Return the keys and a new one, which does not sign yet."""
    return [*keys, {**public_key(private_key), "iat": int(now)}]


def dumped(keys: list[Key]) -> str:
    """Return the JWK set."""
    return json.dumps({"keys": keys})


def loaded(key_set: str) -> list[Key]:
    """Return the keys of a JWK set."""
    return list(json.loads(key_set)["keys"])


def table(keys: list[Key], signing: str) -> str:
    """Return a line for each key: its id, since when it exists, and until when it counts."""
    rows = [("kid", "since", "until")]
    for key in keys:
        until = "signs" if key["kid"] == signing else _time(key.get("exp"), "the next rotation sets it")
        rows.append((key["kid"], _time(key.get("iat"), "unknown"), until))
    return "\n".join(f"{kid:<44}{since:<22}{until}" for kid, since, until in rows)


def _time(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
