"""Tokens: the JWTs that login signs and the other functions check (RFC 7519, RFC 8725, RFC 9068)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import uuid
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import OKPAlgorithm

from functions.common.errors import INVALID_TOKEN, Failure

ISSUER = "mp3converter"
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
_SKEW_SECONDS = 30
# RFC 7515 sections 2 and 7.1: no padding, nor anything else that decoders skip, so that a token has one spelling.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_REQUIRED = ["iss", "aud", "sub", "email", "exp", "iat", "jti"]


class Bearer(NamedTuple):
    """The user in a valid token: id and e-mail address."""

    user: str
    email: str


class Signer:
    """Sign tokens with the private key, which only login has."""

    def __init__(self, private_key: str, ttl: int, previous_keys: str = "") -> None:
        key: Any = OKPAlgorithm().prepare_key(private_key)
        self._key = key
        self._ttl = ttl
        public = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
        self._kid = _thumbprint(public)
        own = public | {"kid": self._kid, "use": "sig", "alg": _ALGORITHM}
        known = json.loads(previous_keys)["keys"] if previous_keys else []
        others = [entry for entry in known if entry["kid"] != self._kid]
        self.key_set = {"keys": [own, *others]}

    def sign(self, bearer: Bearer) -> str:
        """Return a token for this user that is valid for `ttl` seconds."""
        moment = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": bearer.user,
            "email": bearer.email,
            "iat": moment,
            "exp": moment + self._ttl,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._kid, "typ": _TYPE})


class Verifier:
    """Check tokens with the public keys; what a token says about keys and algorithms is not trusted."""

    def __init__(self, public_keys: str) -> None:
        entries = json.loads(public_keys)["keys"]
        self._keys = {entry["kid"]: jwt.PyJWK(entry, algorithm=_ALGORITHM) for entry in entries}

    def verify(self, token: str) -> Bearer:
        """Return the user in the token. Raises Failure(INVALID_TOKEN) if it is not valid."""
        try:
            return self._verify(token)
        except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise Failure(INVALID_TOKEN) from error

    def _verify(self, token: str) -> Bearer:
        if not _FORM.fullmatch(token):
            raise ValueError("not in the compact serialization")
        header = jwt.get_unverified_header(token)
        if header.get("typ") != _TYPE:
            raise ValueError("not an access token")
        key = self._keys[header["kid"]]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            [_ALGORITHM],
            issuer=ISSUER,
            audience=ISSUER,
            leeway=_SKEW_SECONDS,
            options={"require": _REQUIRED},
        )
        if not isinstance(claims["aud"], str) or not isinstance(claims["email"], str) or not claims["sub"]:
            raise ValueError("claims of another kind")
        # The leeway is for clocks that run ahead of this one (iat), not for expired tokens.
        if not isinstance(claims["exp"], int) or claims["exp"] <= time.time():
            raise ValueError("expired")
        return Bearer(claims["sub"], claims["email"])


def _thumbprint(jwk: dict[str, str]) -> str:
    """Return a key's id: its thumbprint (RFC 7638 section 3, RFC 8037 section 2)."""
    canonical = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
