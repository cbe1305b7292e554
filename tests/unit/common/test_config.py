"""Missing or malformed settings stop the process with their names, without their values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.common import config, settings
from functions.common.settings import Broker, Limits, Mongo, Periods, Serving, SignedLinks, Signing

HIDDEN = "not-to-be-shown"


def test_defaults_and_units() -> None:
    """Settings that are not set have defaults; numbers are converted."""
    limits = config.load(Limits, {"UPLOAD_MAX_BYTES": "5"})
    assert (limits.upload_max_bytes, limits.convert_timeout) == (5, 540.0)
    assert config.load(Periods, {"JOB_KEEP_DAYS": "0.5"}).job_keep_days == 0.5


def test_all_errors_are_named_at_once_without_values() -> None:
    """One error names everything that is wrong in a group of settings."""
    with pytest.raises(config.ConfigError) as error:
        config.load(Mongo, {"MONGODB_URL": HIDDEN, "MONGODB_TIMEOUT_SECONDS": HIDDEN})
    assert "MONGODB_URL must be a URL" in str(error.value)
    assert "MONGODB_TIMEOUT_SECONDS must be a number of seconds" in str(error.value)
    assert HIDDEN not in str(error.value)


def test_settings_are_immutable_values() -> None:
    """Settings are equal if their values are equal, and cannot be changed."""
    read = config.load(Periods, {"MAX_ATTEMPTS": "7"})
    assert read == config.load(Periods, {}).replace(max_attempts=7) != config.load(Periods, {})
    assert len({read, config.load(Periods, {"MAX_ATTEMPTS": "7"})}) == 1
    assert list(Periods.table)[:4] == list(Limits.table)
    with pytest.raises(AttributeError):
        read.max_attempts = 8


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("mongodb://host/",), {}),
        (("mongodb://host/", "x", 1.0, 2.0), {}),
        (("mongodb://host/", "x"), {"time": 1.0}),
        (("mongodb://host/", "x", 1.0), {"url": "y"}),
    ],
)
def test_each_setting_is_given_once(values: tuple[str, ...], named: dict[str, float]) -> None:
    with pytest.raises(TypeError, match="Mongo takes url, database, timeout"):
        Mongo(*values, **named)


def pem(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_set(**changes: object) -> str:
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": "y"} | changes]})


@pytest.mark.attack("A12")
@pytest.mark.parametrize(
    ("kind", "environ", "words"),
    [
        (Mongo, {}, "MONGODB_URL is missing"),
        (Mongo, {"MONGODB_URL": "http://example.org"}, "MONGODB_URL must be"),
        (Mongo, {"MONGODB_URL": "mongodb://"}, "MONGODB_URL must be"),
        (Mongo, {"MONGODB_URL": "mongodb://host:port"}, "MONGODB_URL must be"),
        (Limits, {"UPLOAD_MAX_BYTES": "1.5"}, "UPLOAD_MAX_BYTES must be a whole number"),
        (Limits, {"UPLOAD_MAX_BYTES": "0"}, "UPLOAD_MAX_BYTES must be"),
        (Limits, {"UPLOAD_TIMEOUT_SECONDS": "nan"}, "UPLOAD_TIMEOUT_SECONDS must be"),
        (Serving, {"FUNCTION_TARGET": "login", "LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be DEBUG, INFO"),
        (SignedLinks, {"LINK_SECRET": "short"}, "LINK_SECRET must have at least 32 bytes"),
        (SignedLinks, {"LINK_SECRET": "changeme" * 4}, "LINK_SECRET must be random, with at least 8 different"),
        (Serving, {"FUNCTION_TARGET": "login", "METRICS_TOKEN": "metrics"}, "METRICS_TOKEN must have at least 16"),
        (Serving, {"FUNCTION_TARGET": "login", "METRICS_TOKEN": "0123" * 9}, "METRICS_TOKEN must be random"),
        (Signing, {"JWT_PRIVATE_KEY": HIDDEN}, "JWT_PRIVATE_KEY must be an Ed25519 private key"),
        (Signing, {"JWT_PRIVATE_KEY": pem(bytes(32))}, "JWT_PRIVATE_KEY must be a random key"),
        (Signing, {"JWT_PRIVATE_KEY": pem(b"not-to-be-shown!" * 2)}, "JWT_PRIVATE_KEY must be a random key"),
        (settings.Verifying, {"JWT_PUBLIC_KEYS": '{"keys": []}'}, "JWT_PUBLIC_KEYS must be a JWK set"),
        (settings.Verifying, {"JWT_PUBLIC_KEYS": key_set(crv="Ed448")}, "JWT_PUBLIC_KEYS must be a JWK set"),
        (settings.Verifying, {"JWT_PUBLIC_KEYS": key_set(kid="")}, "JWT_PUBLIC_KEYS must be a JWK set"),
        (settings.Verifying, {"JWT_PUBLIC_KEYS": key_set(exp="soon")}, "JWT_PUBLIC_KEYS must be a JWK set"),
    ],
)
def test_malformed_settings(kind: type[config.Settings], environ: dict[str, str], words: str) -> None:
    """The error names the setting and its allowed values."""
    with pytest.raises(config.ConfigError, match=words) as error:
        config.load(kind, environ)
    assert HIDDEN not in str(error.value)


def test_secret_from_a_file(tmp_path: Path) -> None:
    """OpenFaaS and Kubernetes mount secrets as files."""
    (tmp_path / "url").write_text("mongodb://user:word@host/\n")
    mongo = config.load(Mongo, {"MONGODB_URL_FILE": str(tmp_path / "url")})
    assert mongo.url == "mongodb://user:word@host/"
    assert "word" not in repr(mongo)
    with pytest.raises(config.ConfigError, match="cannot be read from the file that MONGODB_URL_FILE names"):
        config.load(Mongo, {"MONGODB_URL_FILE": str(tmp_path / "none")})


def test_all_settings_of_a_function() -> None:
    """One error names everything that is missing."""
    loaded = config.load_all((Limits, Periods), {"UPLOAD_MAX_BYTES": "5", "MAX_ATTEMPTS": "7"})
    assert (loaded[Limits].upload_max_bytes, loaded[Periods].max_attempts) == (5, 7)
    with pytest.raises(KeyError):
        loaded[Mongo]
    with pytest.raises(config.ConfigError) as error:
        config.load_all((Limits, Mongo, SignedLinks), {"UPLOAD_MAX_BYTES": "x"})
    for name in ("UPLOAD_MAX_BYTES", "MONGODB_URL", "LINK_SECRET"):
        assert name in str(error.value)


def replace(file: Path, content: str) -> None:
    """Replace a file as a whole."""
    new = file.with_name("new")
    new.write_text(content)
    new.rename(file)


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    """Keys change while a function runs."""
    file = tmp_path / "keys"
    replace(file, key_set(kid="one"))
    loaded = config.load_all((settings.Verifying, Limits), {"JWT_PUBLIC_KEYS_FILE": str(file)})
    first = loaded[settings.Verifying]
    assert '"one"' in first.public_keys
    assert loaded[settings.Verifying] is first
    replace(file, key_set(kid="two"))
    assert '"two"' in loaded[settings.Verifying].public_keys


def test_a_secret_of_kubernetes_is_read_again(tmp_path: Path) -> None:
    """Its file is a link into a folder that is replaced as a whole."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(key_set(kid=name))
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "keys").symlink_to("..data/keys")
    loaded = config.load_all((settings.Verifying,), {"JWT_PUBLIC_KEYS_FILE": str(tmp_path / "keys")})
    assert '"one"' in loaded[settings.Verifying].public_keys
    (tmp_path / "..data_tmp").symlink_to("two")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert '"two"' in loaded[settings.Verifying].public_keys


@pytest.mark.parametrize("content", [None, "", HIDDEN])
def test_a_file_that_cannot_be_read_again_changes_nothing(
    content: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, without its content, and the next right one is read."""
    file = tmp_path / "keys"
    replace(file, key_set(kid="one"))
    loaded = config.load_all((settings.Verifying,), {"JWT_PUBLIC_KEYS_FILE": str(file)})
    if content is None:
        file.unlink()
    else:
        replace(file, content)
    for _ in range(3):
        assert '"one"' in loaded[settings.Verifying].public_keys
    [record] = caplog.records
    assert "JWT_PUBLIC_KEYS" in vars(record)["cause"]
    assert HIDDEN not in str(vars(record))
    replace(file, key_set(kid="two"))
    assert '"two"' in loaded[settings.Verifying].public_keys


@pytest.mark.parametrize(
    ("url", "required"),
    [
        ("smtp://relay", True),
        ("smtp://relay?tls=required", True),
        ("smtp://relay?tls=none", False),
        ("mysql://user:word@host/db?tls=none", False),
        ("mysql://user:word@host/db?other=1", True),
    ],
)
def test_tls_is_required_unless_a_url_says_none(url: str, required: bool) -> None:
    assert config.requires_tls(url, "SOME_URL") is required


@pytest.mark.parametrize("word", ["no", "NONE", "None", "optional", "none%20"])
def test_other_values_for_tls_are_refused_without_showing_the_url(word: str) -> None:
    with pytest.raises(config.ConfigError, match=r"^SOME_URL takes tls=required or tls=none$"):
        config.requires_tls(f"smtp://user:secret@relay?tls={word}", "SOME_URL")


@pytest.mark.parametrize(
    "value",
    [
        "mongodb://host",
        "mongodb://a:27017,b:27018,c/?replicaSet=rs0",
        "mongodb://ada:w%40rd@a:27017,b:27017/?replicaSet=rs0",
        "mongodb://ada:word@[::1]:27017,b/",
        "mongodb://ada:wo,rd@a,b/",
        "mongodb+srv://host/",
    ],
)
def test_a_replica_set_may_name_its_hosts(value: str) -> None:
    assert config.load(Mongo, {"MONGODB_URL": value}).url == value


@pytest.mark.parametrize(
    "value",
    [
        "mongodb://",
        "mongodb://,",
        "mongodb://a,,b/",
        "mongodb://a:27017,b:port/",
        "mongodb://a:70000,b/",
        "mongodb://ada:word@/",
        "mongodb://[::1/",
        "http://host/",
        "host:27017",
    ],
)
def test_malformed_urls_of_mongodb_are_refused(value: str) -> None:
    with pytest.raises(config.ConfigError, match=r"^MONGODB_URL must be a URL that begins with mongodb:// or"):
        config.load(Mongo, {"MONGODB_URL": value})


def test_other_servers_have_one_host() -> None:
    with pytest.raises(config.ConfigError, match=r"^RABBITMQ_URL must be a URL"):
        config.load(Broker, {"RABBITMQ_URL": "amqp://a:5672,b:5672/x"})
