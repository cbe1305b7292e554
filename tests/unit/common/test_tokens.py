"""Nothing but a token of ours, whole and in time, is believed (RFC 8725)."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.common.errors import INVALID_TOKEN, Failure
from functions.common.tokens import Bearer, Signer, Verifier


def key() -> str:
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


SECOND = timedelta(seconds=1)
KEY = key()
SIGNER = Signer(KEY, 60)
VERIFIER = Verifier(json.dumps(SIGNER.key_set))
KID = SIGNER.key_set["keys"][0]["kid"]
PUBLIC_X = SIGNER.key_set["keys"][0]["x"]


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": "mp3converter",
        "aud": "mp3converter",
        "sub": "1",
        "email": "a@example.org",
        "iat": now,
        "exp": now + 60,
        "jti": "x",
    }
    # A period stands for the moment that it is away from now: tables of cases are made long before they are run.
    moments = {name: now + _number(value / SECOND) for name, value in changes.items() if isinstance(value, timedelta)}
    return {name: value for name, value in (whole | changes | moments).items() if value is not None}


def _number(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else seconds


def forged(changes: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    return jwt.encode(claims(**changes), KEY, "EdDSA", headers={"kid": KID, "typ": "at+jwt"} | (header or {}))


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_own_token_is_believed() -> None:
    """A token says who its bearer is."""
    assert VERIFIER.verify(SIGNER.sign(Bearer("7", "a@example.org"))) == Bearer("7", "a@example.org")


@pytest.mark.parametrize("changes", [{}, {"exp": 2 * SECOND}, {"iat": 20 * SECOND}, {"nbf": -SECOND}, {"more": 1}])
def test_other_right_claims_are_believed(changes: dict[str, Any]) -> None:
    """The cases below are wrong for their one change: without it, and with harmless ones, they are right."""
    assert VERIFIER.verify(forged(changes)).user == "1"


def test_old_key_is_believed_while_it_is_published() -> None:
    """After a rotation, tokens of the old key are good until they expire."""
    new = Signer(key(), 60, previous_keys=json.dumps(SIGNER.key_set))
    both = Verifier(json.dumps(new.key_set))
    assert both.verify(SIGNER.sign(Bearer("7", "a"))) == both.verify(new.sign(Bearer("7", "a")))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": -SECOND},
        {"exp": None},
        {"exp": "never"},
        {"exp": 1e400},
        {"exp": -1},
        {"exp": 9.5 * SECOND},
        {"iat": 300 * SECOND},
        {"nbf": 300 * SECOND},
        {"iss": "other"},
        {"aud": "other"},
        {"aud": ["mp3converter", "x"]},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"email": None},
        {"email": ["a"]},
        {"jti": None},
        {"iat": None},
    ],
)
def test_wrong_claims(changes: dict[str, Any]) -> None:
    """Every claim must be there and right."""
    refuse(forged(changes))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "other"},
        {"kid": "../../dev/null"},
        {"crit": ["x"], "x": 1},
        {"b64": False, "crit": ["b64"]},
    ],
)
def test_wrong_header(header: dict[str, Any]) -> None:
    """The header chooses among our keys and nothing else."""
    refuse(forged({}, header))


def test_other_algorithms() -> None:
    """The algorithm is ours to say, not the token's."""
    for name in ("none", "None", "nOnE", ""):
        refuse(f"{encoded({'alg': name, 'kid': KID, 'typ': 'at+jwt'})}.{encoded(claims())}.")
    refuse(jwt.encode(claims(), PUBLIC_X + "=" * 40, "HS256", headers={"kid": KID, "typ": "at+jwt"}))
    other = jwt.encode(claims(), key(), "EdDSA", headers={"kid": KID, "typ": "at+jwt"})
    refuse(other)
    refuse(jwt.encode(claims(), KEY, "EdDSA", headers={"typ": "at+jwt"}))
    refuse(jwt.encode(claims(), key(), "EdDSA", headers={"typ": "at+jwt", "jwk": SIGNER.key_set["keys"][0]}))


def test_changed_tokens() -> None:
    """Not a bit of it may change."""
    header, payload, signature = SIGNER.sign(Bearer("7", "a")).split(".")
    refuse(f"{header}.{encoded(claims(sub='8'))}.{signature}")
    refuse(f"{header}.{payload}.{signature[:40]}{'A' if signature[40] != 'A' else 'B'}{signature[41:]}")
    refuse(f"{header}.{payload}.")
    refuse(f"{header}.{payload}")


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "." * 10_000, "[" * 5000, "é.é.é", "null.null.null"])
def test_no_tokens(token: str) -> None:
    """What is no token at all is refused like a wrong one."""
    refuse(token)


def refuse(token: str) -> None:
    with pytest.raises(Failure) as failure:
        VERIFIER.verify(token)
    assert failure.value.kind is INVALID_TOKEN
