"""Only our own complete and current tokens are accepted (RFC 8725)."""

from __future__ import annotations

import base64
import hmac
import json
import string
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.common.bearer import Bearer
from functions.common.errors import INVALID_TOKEN, Failure
from functions.common.tokens import Signer, Verifier
from local.token_keys import private_key

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


def decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token.split(".")[2] + "==")


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


@pytest.mark.attack("A4")
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


@pytest.mark.attack("A14")
def test_an_old_key_is_accepted_while_it_is_published() -> None:
    """After a rotation, tokens of the old key are valid until they expire."""
    new = Signer(private_key(), 60, previous_keys=json.dumps(SIGNER.key_set))
    both = Verifier(json.dumps(new.key_set))
    assert both.verify(SIGNER.sign(Bearer("7", "a"))) == both.verify(new.sign(Bearer("7", "a")))


@pytest.mark.attack("A4")
@pytest.mark.attack("A5")
@pytest.mark.attack("A6")
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
        {"aud": ["other"]},
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


@pytest.mark.attack("A3")
@pytest.mark.attack("A6")
@pytest.mark.attack("A10")
@pytest.mark.attack("A14")
@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "other"},
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1 -- "},
        {"jwk": SIGNER.key_set["keys"][0]},
        {"jku": "http://127.0.0.1:9/"},
        {"x5u": "http://127.0.0.1:9/"},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"crit": ["x"], "x": 1},
        {"b64": False, "crit": ["b64"]},
    ],
)
def test_wrong_header(header: dict[str, Any]) -> None:
    """The header only selects one of our keys."""
    refuse(forged({}, header))


@pytest.mark.attack("A1")
@pytest.mark.attack("A2")
def test_other_algorithms() -> None:
    """The verifier chooses the algorithm, not the token."""
    for name in ("none", "None", "nOnE", ""):
        refuse(f"{encoded({'alg': name, 'kid': KID, 'typ': 'at+jwt'})}.{encoded(claims())}.")
    for secret in (PUBLIC_X, PUBLIC_X + "=", json.dumps(SIGNER.key_set), json.dumps(SIGNER.key_set["keys"][0])):
        signed = f"{encoded({'alg': 'HS256', 'kid': KID, 'typ': 'at+jwt'})}.{encoded(claims())}"
        code = hmac.digest(secret.encode(), signed.encode(), "sha256")
        refuse(f"{signed}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}")
    other = jwt.encode(claims(), private_key(), "EdDSA", headers={"kid": KID, "typ": "at+jwt"})
    refuse(other)
    refuse(jwt.encode(claims(), KEY, "EdDSA", headers={"typ": "at+jwt"}))
    refuse(jwt.encode(claims(), private_key(), "EdDSA", headers={"typ": "at+jwt", "jwk": SIGNER.key_set["keys"][0]}))


@pytest.mark.attack("A7")
def test_changed_tokens() -> None:
    """Not a single bit may change."""
    header, payload, signature = SIGNER.sign(Bearer("7", "a")).split(".")
    refuse(f"{header}.{encoded(claims(sub='8'))}.{signature}")
    refuse(f"{header}.{payload}.{signature[:40]}{'A' if signature[40] != 'A' else 'B'}{signature[41:]}")
    refuse(f"{header}.{payload}.")
    refuse(f"{header}.{payload}")
    refuse(f"{header}.{payload}.{SIGNER.sign(Bearer('8', 'a')).split('.')[2]}")


@pytest.mark.attack("A7")
def test_the_last_bits_of_a_signature() -> None:
    """Four bits of its last character belong to no byte, and decoders ignore them."""
    token = SIGNER.sign(Bearer("7", "a"))
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    same = [last for last in alphabet if decoded(token[:-1] + last) == decoded(token)]
    assert len(same) == 16
    for last in alphabet:
        if last != token[-1]:
            refuse(token[:-1] + last)


@pytest.mark.attack("A8")
def test_a_large_token_is_not_read() -> None:
    """Even one that is signed: ours are small."""
    room = 8192 - len(forged({"more": ""}))
    assert VERIFIER.verify(forged({"more": "x" * (room * 3 // 4)})).user == "1"
    refuse(forged({"more": "x" * (room * 3 // 4 + 4)}))
    refuse(forged({"more": "x" * 1_000_000}))


@pytest.mark.attack("A8")
@pytest.mark.parametrize("part", [0, 1])
def test_deeply_nested_json(part: int) -> None:
    for depth in (1000, 10_000):
        parts = SIGNER.sign(Bearer("7", "a")).split(".")
        nested = "[" * depth + "]" * depth
        parts[part] = base64.urlsafe_b64encode(f'{{"kid": {nested}}}'.encode()).rstrip(b"=").decode()
        refuse(".".join(parts))


@pytest.mark.attack("A10")
def test_other_serializations() -> None:
    """JSON (RFC 7515 section 7.2) and an encrypted token, which has five parts."""
    header, payload, signature = SIGNER.sign(Bearer("7", "a")).split(".")
    flattened = {"protected": header, "payload": payload, "signature": signature}
    refuse(json.dumps(flattened))
    refuse(json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}))
    refuse(f"{header}.{payload}.{payload}.{payload}.{signature}")
    refuse(f"{header}..{signature}")


@pytest.mark.attack("A3")
def test_a_header_makes_the_verifier_open_nothing() -> None:
    """Neither a file nor a connection, whatever a token names."""
    wanted = {"jku": "http://127.0.0.1:9/keys", "x5u": "file:///dev/null", "x5c": ["MII"]}
    forgeries = [
        forged({}, {"kid": kid} | wanted) for kid in (KID, "/dev/null", "../../dev/null", "http://127.0.0.1:9/")
    ]
    forgeries += [forged({}, {"kid": kid}) for kid in ("/dev/null", "../../dev/null")]
    VERIFIER.verify(forged({}))  # whatever loads with the first token has loaded
    opened: list[str] = []
    watched = True

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if watched and event in ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "sqlite3.connect"):
            opened.append(event)

    sys.addaudithook(hook)  # cannot be removed
    try:
        for token in forgeries:
            refuse(token)
        assert opened == []
        Path("/dev/null").open().close()
        assert opened == ["open"]
    finally:
        watched = False


@pytest.mark.parametrize("change", [{"use": "enc"}, {"key_ops": ["sign"]}, {"exp": 1}])
def test_a_key_for_something_else(change: dict[str, Any]) -> None:
    """A key verifies nothing if its set says that it is for encryption, or that its time is over."""
    own = SIGNER.key_set["keys"][0]
    with pytest.raises(Failure):
        Verifier(json.dumps({"keys": [own | change]})).verify(SIGNER.sign(Bearer("7", "a")))


@pytest.mark.attack("A14")
def test_a_former_key_is_accepted_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to take it out of the set in time."""
    moment = int(time.time())
    verifier = Verifier(json.dumps({"keys": [SIGNER.key_set["keys"][0] | {"exp": moment + 30}]}))
    token = forged({"iat": moment, "exp": moment + 60})
    for seconds, good in ((0, True), (29.9, True), (30, False), (31, False)):
        monkeypatch.setattr(time, "time", lambda now=moment + seconds: now)
        if good:
            assert verifier.verify(token).user == "1"
        else:
            refuse(token, verifier)


@pytest.mark.attack("A14")
def test_a_key_whose_time_is_over_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = int(time.time())
    former = Signer(private_key(), 60).key_set["keys"][0] | {"exp": moment + 30}
    signer = Signer(KEY, 60, json.dumps({"keys": [former, *SIGNER.key_set["keys"]]}))
    assert signer.key_set["keys"] == [*SIGNER.key_set["keys"], former]
    monkeypatch.setattr(time, "time", lambda: moment + 30)
    assert signer.key_set["keys"] == SIGNER.key_set["keys"]


@pytest.mark.attack("A8")
@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "." * 10_000, "[" * 5000, "é.é.é", "null.null.null"])
def test_invalid_tokens(token: str) -> None:
    """Something that is not a token is refused like a wrong one."""
    refuse(token)


def refuse(token: str, verifier: Verifier = VERIFIER) -> None:
    with pytest.raises(Failure) as failure:
        verifier.verify(token)
    assert failure.value.kind is INVALID_TOKEN


@pytest.mark.attack("A11")
@pytest.mark.parametrize("spelling", ["{}=", "{}==", "={}", "{}\n", " {}", "{}.", "{}.{}", "\xe9{}", "{}!", "{}\u0660"])
def test_a_token_has_one_spelling(spelling: str) -> None:
    """Base64 decoders skip padding and strange characters (RFC 7515 section 2 allows none)."""
    token = SIGNER.sign(Bearer("7", "a@example.org"))
    VERIFIER.verify(token)
    with pytest.raises(Failure) as failure:
        VERIFIER.verify(spelling.replace("{}", token))
    assert failure.value.kind is INVALID_TOKEN


@pytest.mark.attack("A11")
def test_padding_within_a_token() -> None:
    parts = SIGNER.sign(Bearer("7", "a@example.org")).split(".")
    for number in range(3):
        padded = [part + "=" * (-len(part) % 4 or 4) if at == number else part for at, part in enumerate(parts)]
        with pytest.raises(Failure):
            VERIFIER.verify(".".join(padded))
