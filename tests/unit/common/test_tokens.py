"""Only our own complete and current tokens are accepted (RFC 8725)."""

from __future__ import annotations

import base64
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.common.errors import INVALID_TOKEN, Failure
from functions.common.tokens import Bearer, Signer, Verifier
from local.secret_files import private_key

SECOND = timedelta(seconds=1)
KEY = private_key()
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
    # A period means that far from now: parametrized cases are created long before they run.
    moments = {name: now + _number(value / SECOND) for name, value in changes.items() if isinstance(value, timedelta)}
    return {name: value for name, value in (whole | changes | moments).items() if value is not None}


def _number(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else seconds


def forged(changes: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    return jwt.encode(claims(**changes), KEY, "EdDSA", headers={"kid": KID, "typ": "at+jwt"} | (header or {}))


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_our_own_token_is_accepted() -> None:
    """A token identifies its bearer."""
    assert VERIFIER.verify(SIGNER.sign(Bearer("7", "a@example.org"))) == Bearer("7", "a@example.org")


@pytest.mark.parametrize("changes", [{}, {"exp": 2 * SECOND}, {"iat": 20 * SECOND}, {"nbf": -SECOND}, {"more": 1}])
def test_other_valid_claims_are_accepted(changes: dict[str, Any]) -> None:
    """The cases below differ from these only in one change, which makes them invalid."""
    assert VERIFIER.verify(forged(changes)).user == "1"


def test_the_claims_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claims of RFC 9068, a unique id, and no others."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.9)
    token = SIGNER.sign(Bearer("7", "a@example.org"))
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": KID}
    said = jwt.decode(token, options={"verify_signature": False})
    assert uuid.UUID(said.pop("jti"))
    assert said == {
        "iss": "mp3converter",
        "aud": "mp3converter",
        "sub": "7",
        "email": "a@example.org",
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
    }
    assert SIGNER.sign(Bearer("7", "a@example.org")) != token


@pytest.mark.parametrize(("seconds", "good"), [(59, True), (59.9, True), (60, False), (61, False)])
def test_a_token_expires_to_the_second(seconds: float, good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leeway is only for clocks that disagree about its start."""
    begun = int(time.time()) - 5  # PyJWT's clock cannot be changed
    token = forged({"iat": begun, "exp": begun + 60})
    monkeypatch.setattr(time, "time", lambda: begun + seconds)
    if good:
        assert VERIFIER.verify(token).user == "1"
    else:
        refuse(token)


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    """The example in RFC 8037, appendix A."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert Signer(pem, 60).key_set == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "use": "sig",
                "alg": "EdDSA",
            }
        ]
    }


def test_each_key_is_published_once_with_our_own_first() -> None:
    """Login may be given the whole set, including its own key."""
    other = Signer(private_key(), 60).key_set["keys"]
    both = {"keys": [*other, *SIGNER.key_set["keys"]]}
    assert Signer(KEY, 60, json.dumps(both)).key_set["keys"] == [*SIGNER.key_set["keys"], *other]


def test_an_old_key_is_accepted_while_it_is_published() -> None:
    """After a rotation, tokens of the old key are valid until they expire."""
    new = Signer(private_key(), 60, previous_keys=json.dumps(SIGNER.key_set))
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
    """Every claim must be present and correct."""
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
    """The header only selects one of our keys."""
    refuse(forged({}, header))


def test_other_algorithms() -> None:
    """The verifier chooses the algorithm, not the token."""
    for name in ("none", "None", "nOnE", ""):
        refuse(f"{encoded({'alg': name, 'kid': KID, 'typ': 'at+jwt'})}.{encoded(claims())}.")
    refuse(jwt.encode(claims(), PUBLIC_X + "=" * 40, "HS256", headers={"kid": KID, "typ": "at+jwt"}))
    other = jwt.encode(claims(), private_key(), "EdDSA", headers={"kid": KID, "typ": "at+jwt"})
    refuse(other)
    refuse(jwt.encode(claims(), KEY, "EdDSA", headers={"typ": "at+jwt"}))
    refuse(jwt.encode(claims(), private_key(), "EdDSA", headers={"typ": "at+jwt", "jwk": SIGNER.key_set["keys"][0]}))


def test_changed_tokens() -> None:
    """Not a single bit may change."""
    header, payload, signature = SIGNER.sign(Bearer("7", "a")).split(".")
    refuse(f"{header}.{encoded(claims(sub='8'))}.{signature}")
    refuse(f"{header}.{payload}.{signature[:40]}{'A' if signature[40] != 'A' else 'B'}{signature[41:]}")
    refuse(f"{header}.{payload}.")
    refuse(f"{header}.{payload}")


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "." * 10_000, "[" * 5000, "é.é.é", "null.null.null"])
def test_invalid_tokens(token: str) -> None:
    """Something that is not a token is refused like a wrong one."""
    refuse(token)


def refuse(token: str) -> None:
    with pytest.raises(Failure) as failure:
        VERIFIER.verify(token)
    assert failure.value.kind is INVALID_TOKEN


@pytest.mark.parametrize("spelling", ["{}=", "{}==", "={}", "{}\n", " {}", "{}.", "{}.{}", "\xe9{}", "{}!", "{}\u0660"])
def test_a_token_has_one_spelling(spelling: str) -> None:
    """Base64 decoders skip padding and strange characters (RFC 7515 section 2 allows none)."""
    token = SIGNER.sign(Bearer("7", "a@example.org"))
    VERIFIER.verify(token)
    with pytest.raises(Failure) as failure:
        VERIFIER.verify(spelling.replace("{}", token))
    assert failure.value.kind is INVALID_TOKEN


def test_padding_within_a_token() -> None:
    parts = SIGNER.sign(Bearer("7", "a@example.org")).split(".")
    for number in range(3):
        padded = [part + "=" * (-len(part) % 4 or 4) if at == number else part for at, part in enumerate(parts)]
        with pytest.raises(Failure):
            VERIFIER.verify(".".join(padded))
