"""Tokens that must not work: forged with public knowledge, or correctly signed but expired."""

from __future__ import annotations

import base64
import json
import time
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def expired(token: str, key: str) -> str:
    """Return the same token, rightly signed, but over for an hour."""
    hour_ago = int(time.time()) - 3600
    return _signed(token, key, exp=hour_ago, iat=hour_ago - 60)


def renewed(token: str, key: str) -> str:
    """Return the same token once more: shows that `expired` is wrong for its time alone."""
    return _signed(token, key, jti=str(uuid.uuid4()))


def forgeries(token: str) -> dict[str, str]:
    """Return tokens that claim what the given one claims, without its key."""
    header, claims, signature = token.split(".")
    fields = jwt.get_unverified_header(token)
    named = json.loads(_decoded(claims))
    other = Ed25519PrivateKey.generate()
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    elevated = _encoded({**named, "sub": "1", "email": "other@example.org"})
    return {
        "another key under the same kid": jwt.encode(named, other, "EdDSA", headers=fields),
        "another signature": f"{header}.{claims}.{flipped}",
        "other claims": f"{header}.{elevated}.{signature}",
        "no signature": f"{header}.{claims}.",
        "no algorithm": f"{_encoded({**fields, 'alg': 'none'})}.{claims}.",
        "a shared secret": jwt.encode(named, "0" * 32, "HS256", headers={"kid": fields["kid"], "typ": fields["typ"]}),
        "no token": "abc",
        "three dots": "...",
    }


def with_own_keys(token: str, place: str) -> dict[str, str]:
    """Return tokens signed with a key of their sender's, which their header brings or names."""
    own = Ed25519PrivateKey.generate()
    jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(own.public_key()))
    claims = json.loads(_decoded(token.split(".")[1]))
    kid = jwt.get_unverified_header(token)["kid"]
    headers = {
        "jwk": {"kid": kid, "jwk": jwk},
        "jku": {"kid": kid, "jku": place},
        "jku alone": {"jku": place},
        "x5u": {"kid": kid, "x5u": place},
        "kid is a URL": {"kid": place},
        "kid is a file": {"kid": "../../dev/null"},
        "kid is SQL": {"kid": "' UNION SELECT 'x' -- "},
    }
    return {name: jwt.encode(claims, own, "EdDSA", headers={"typ": "at+jwt", **h}) for name, h in headers.items()}


def nested(depth: int) -> str:
    """Return a token whose header is nested this deeply."""
    header = b'{"kid": ' + b"[" * depth + b"]" * depth + b"}"
    return f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.e30.AAAA"


def _signed(token: str, key: str, **changed: object) -> str:
    claims = json.loads(_decoded(token.split(".")[1])) | changed
    fields = jwt.get_unverified_header(token)
    return jwt.encode(claims, key, "EdDSA", headers=fields)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(fields: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
