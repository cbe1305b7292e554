"""Wycheproof's signed tokens (JWS), which have no Ed25519 among them, against the verifier."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import jwt
import pytest

from functions.common import tokens
from functions.common.errors import INVALID_TOKEN, Failure
from functions.common.tokens import Signer, Verifier
from local.token_keys import private_key
from tests.vectors import public

NAME = "wycheproof_jws.json"
# Stricter than the list: an empty payload is no token; a character that is not base64 is refused, not skipped; RFC 7520
# signs with an algorithm other than the one its key names.
EMPTY_PAYLOAD = {259, 264, 268, 272, 320, 325}
STRAY_CHARACTER = {372, 373}
OTHER_ALGORITHM = {346, 347, 350, 351}
# Listed as wrongly padded, but without any padding: the same bytes as 357, which is listed as valid.
LOST_PADDING = {367, 370}


class Accepted(Exception):
    """The signature is right."""


def cases() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each key and each vector that is for it."""
    groups = json.loads((public.FOLDER / NAME).read_text())["testGroups"]
    return ((group.get("public") or group["private"], test) for group in groups for test in group["tests"])


def spelling(jws: Any) -> str:
    return jws if isinstance(jws, str) else json.dumps(jws)


def is_accepted(key: Mapping[str, Any], token: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run the verifier up to the claims, which these tokens lack, with what is ours set aside.

    That is the algorithm, the kid and the type. The signature is checked as jwt.decode does it.
    """

    def decode(token: str, key: jwt.PyJWK, algorithms: list[str], **_: object) -> NoReturn:
        jwt.api_jws.decode(token, key, algorithms)
        raise Accepted

    with monkeypatch.context() as patch:
        patch.setattr(tokens, "_ALGORITHM", key.get("alg") or {"RSA": "RS256", "EC": "ES256"}[key["kty"]])
        patch.setattr(tokens, "_key_id", lambda header: "the key")
        patch.setattr(jwt, "decode", decode)
        try:
            Verifier(json.dumps({"keys": [{**key, "kid": "the key"}]})).verify(token)
        except Accepted:
            return True
        except (Failure, jwt.exceptions.PyJWTError):  # the second for an algorithm that no key can have
            return False
    raise AssertionError("neither accepted nor refused")


@pytest.mark.attack("A11")
@public.needs(NAME)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_each_vector_gets_the_listed_answer_or_a_stricter_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {test["tcId"]: is_accepted(key, spelling(test["jws"]), monkeypatch) for key, test in cases()}
    listed = {test["tcId"]: test["result"] == "valid" for _, test in cases()}
    assert len(answers) == 401
    assert sum(answers.values()) == 36
    stricter = EMPTY_PAYLOAD | STRAY_CHARACTER | OTHER_ALGORITHM
    assert {number for number in answers if answers[number] < listed[number]} == stricter
    assert {number for number in answers if answers[number] > listed[number]} == LOST_PADDING


@pytest.mark.attack("A11")
@public.needs(NAME)
def test_the_vectors_that_lost_their_padding_are_refused_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {test["tcId"]: (key, test["jws"]) for key, test in cases() if test["tcId"] in LOST_PADDING | {357}}
    key, token = found[357]
    assert {same for _, same in found.values()} == {token}
    header, payload, signature = token.split(".")
    for padded in (f"{header}.{payload}.{signature}=", f"{header}.{payload}==.{signature}"):
        assert base64.urlsafe_b64decode(padded.split(".")[1] + "==")
        assert not is_accepted(key, padded, monkeypatch)


@pytest.mark.attack("A11")
@public.needs(NAME)
def test_as_it_is_the_verifier_takes_none_of_them() -> None:
    """Their algorithms, types and keys are not ours."""
    verifier = Verifier(json.dumps(Signer(private_key(), 60).key_set))
    for _, test in cases():
        with pytest.raises(Failure) as refused:
            verifier.verify(spelling(test["jws"]))
        assert refused.value.kind is INVALID_TOKEN
