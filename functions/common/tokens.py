"""Tokens: the JWTs that login signs and the other functions check (RFC 7519, RFC 8725, RFC 9068)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
import uuid
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_decode

from functions.common import nesting
from functions.common.bearer import Bearer
from functions.common.errors import INVALID_TOKEN, Failure

ISSUER = "mp3converter"
_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
_SKEW_SECONDS = 30
# RFC 7515 sections 2 and 7.1: no padding, nor anything else that decoders skip, so that a token has one spelling.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_MOST_CHARACTERS = 8192  # eight times the longest of ours
_REQUIRED = ["iss", "aud", "sub", "email", "exp", "iat", "jti"]


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
        self._published = [own, *(entry for entry in known if entry["kid"] != self._kid)]

    @property
    def key_set(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys to verify tokens with, as a JWK set; ours is the first."""
        return {"keys": [entry for entry in self._published if _end(entry) > time.time()]}

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
        } | ({"session": bearer.session} if bearer.session else {})
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._kid, "typ": _TYPE})


class Verifier:
    """Check tokens with the public keys; what a token says about keys and algorithms is not trusted."""

    def __init__(self, public_keys: str) -> None:
        entries = [entry for entry in json.loads(public_keys)["keys"] if _is_for_signatures(entry)]
        self._keys = {entry["kid"]: (jwt.PyJWK(entry, algorithm=_ALGORITHM), _end(entry)) for entry in entries}

    def verify(self, token: str) -> Bearer:
        """Return the user in the token. Raises Failure(INVALID_TOKEN) if it is not valid."""
        try:
            return self._verify(token)
        except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise Failure(INVALID_TOKEN) from error

    def _verify(self, token: str) -> Bearer:
        if len(token) > _MOST_CHARACTERS or not _FORM.fullmatch(token):
            raise ValueError("not in the compact serialization")
        nesting.check(base64url_decode(token.partition(".")[0]))
        key, end = self._keys[_key_id(jwt.get_unverified_header(token))]
        if end <= time.time():
            raise ValueError("signed with a key whose time is over")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            [_ALGORITHM],
            issuer=ISSUER,
            audience=ISSUER,
            leeway=_SKEW_SECONDS,
            options={"require": _REQUIRED},
        )
        texts = claims["aud"], claims["email"], claims.get("session", "")
        if not all(isinstance(each, str) for each in texts) or not claims["sub"]:
            raise ValueError("claims of another kind")
        # The leeway is for clocks that run ahead of this one (iat), not for expired tokens.
        if not isinstance(claims["exp"], int) or claims["exp"] <= time.time():
            raise ValueError("expired")
        return Bearer(claims["sub"], claims["email"], claims.get("session", ""))


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    """Tell whether a key may verify signatures (RFC 7517 sections 4.2 and 4.3)."""
    return bool(jwk.get("use", "sig") == "sig" and "verify" in jwk.get("key_ops", ["verify"]))


def _end(jwk: dict[str, Any]) -> float:
    """Return when a key's time is over: a former one verifies the tokens that it signed until then."""
    return float(jwk.get("exp", math.inf))


def _key_id(header: dict[str, Any]) -> str:
    """Return the key's id in the header of a token of ours, which has three members and no others."""
    if header.keys() != {"alg", "kid", "typ"} or header["typ"] != _TYPE:
        raise ValueError("not an access token")
    return str(header["kid"])


def _thumbprint(jwk: dict[str, str]) -> str:
    """Return a key's id: its thumbprint (RFC 7638 section 3, RFC 8037 section 2)."""
    canonical = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
