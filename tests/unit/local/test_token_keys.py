"""The keys of tokens: their ids, and how they are shown."""

from __future__ import annotations

from local import token_keys

RFC_8037 = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n"
)
KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_key_id_is_the_thumbprint_of_the_key() -> None:
    """RFC 8037, appendix A.3."""
    assert token_keys.public_key(RFC_8037) == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": KID,
        "use": "sig",
        "alg": "EdDSA",
    }


def test_the_table_says_since_and_until_when() -> None:
    keys = [{"kid": KID, "iat": 1_800_000_000}, {"kid": "b", "exp": 1_800_003_900}, {"kid": "c", "iat": 1}]
    assert [line.split(maxsplit=2) for line in token_keys.table(keys, KID).splitlines()] == [
        ["kid", "since", "until"],
        [KID, "2027-01-15T08:00:00Z", "signs"],
        ["b", "unknown", "2027-01-15T09:05:00Z"],
        ["c", "1970-01-01T00:00:01Z", "the next rotation sets it"],
    ]
