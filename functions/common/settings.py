"""The table of settings that functions share: names, units and defaults, each in one place."""

from __future__ import annotations

import base64
import json
from typing import Literal

from functions.common.config import Settings, choice, days, integer, seconds, secret, text, url

# An Ed25519 key in PKCS 8 is this and 32 bytes more (RFC 8410 section 7).
_ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


def _ed25519_pem(value: str) -> None:
    lines = value.strip().splitlines()
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        der = b""
    framed = lines[0] == "-----BEGIN PRIVATE KEY-----" and lines[-1] == "-----END PRIVATE KEY-----"
    if not framed or not der.startswith(_ED25519_PKCS8) or len(der) != len(_ED25519_PKCS8) + 32:
        raise ValueError("must be an Ed25519 private key in PEM (PKCS 8)")


def _jwk_set(value: str) -> None:
    try:
        keys = json.loads(value)["keys"]
        curves = {key["crv"] for key in keys if key["kid"] and key["x"]}
    except (ValueError, KeyError, TypeError):
        curves = set()
    if curves != {"Ed25519"}:
        raise ValueError("must be a JWK set of Ed25519 keys with a kid each")


class Serving(Settings):
    """How every function is served."""

    function: str = text("FUNCTION_TARGET", "the function to serve, such as login")
    version: str = text("VERSION", "the version that /_/health shows; images carry their own", default="unknown")
    metrics_token: str = secret("METRICS_TOKEN", "opens /_/metrics, which is not there without it", default="")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = choice(
        "LOG_LEVEL", "the least level that is logged", "DEBUG", "INFO", "WARNING", "ERROR", default="INFO"
    )
    idle_timeout: float = seconds(
        "IDLE_TIMEOUT_SECONDS", "a peer that neither sends nor takes a byte for so long is dropped", default=30.0
    )


class Links(Settings):
    """Where people reach the functions."""

    public_url: str = text(
        "PUBLIC_URL", "a function's URL with {function} for its name", default="http://localhost:8080/{function}"
    )


class SignedLinks(Settings):
    """The links in mails, which need no token."""

    link_secret: str = secret("LINK_SECRET", "signs the links in mails", minimum=32)
    link_ttl_days: float = days("LINK_TTL_DAYS", "how long a link in a mail works", default=7.0)


class Mongo(Settings):
    """MongoDB: job documents and GridFS."""

    url: str = url("MONGODB_URL", "where MongoDB is", "mongodb", "mongodb+srv")
    database: str = text("MONGODB_DATABASE", "its database", default="mp3converter")
    timeout: float = seconds("MONGODB_TIMEOUT_SECONDS", "the limit of one operation", default=10.0)


class Broker(Settings):
    """RabbitMQ: the events."""

    url: str = url("RABBITMQ_URL", "where RabbitMQ is", "amqp", "amqps")
    timeout: float = seconds("PUBLISH_TIMEOUT_SECONDS", "how long a publish may wait for the broker", default=5.0)


class Database(Settings):
    """MySQL or MariaDB: the users."""

    url: str = url("MYSQL_URL", "where MySQL is", "mysql")
    timeout: float = seconds("MYSQL_TIMEOUT_SECONDS", "the limit of one query", default=5.0)


class Relay(Settings):
    """The SMTP server that takes our mails."""

    url: str = url("SMTP_URL", "where the mail relay is", "smtp", "smtps")
    sender: str = text("MAIL_FROM", "the address that mails come from", default="MP3 converter <mp3@localhost>")
    timeout: float = seconds("SMTP_TIMEOUT_SECONDS", "the limit of one SMTP command", default=30.0)
    final_timeout: float = seconds(
        "SMTP_FINAL_TIMEOUT_SECONDS", "how long the answer to a whole mail may take", default=300.0
    )


class Signing(Settings):
    """What only login knows."""

    private_key: str = secret("JWT_PRIVATE_KEY", "the Ed25519 key that signs tokens (PEM, PKCS 8)", check=_ed25519_pem)
    token_ttl: int = integer(
        "TOKEN_TTL_SECONDS", "how long a token is valid", default=3600, minimum=1, maximum=31_536_000
    )
    previous_keys: str = secret(
        "JWT_PUBLIC_KEYS", "further keys to publish after a rotation, as a JWK set", default="", check=_jwk_set
    )
    signup_token: str = secret("SIGNUP_TOKEN", "lets its bearer create users", default="", minimum=16)


class Verifying(Settings):
    """What a function needs to trust a token."""

    public_keys: str = secret("JWT_PUBLIC_KEYS", "the keys that sign tokens, as a JWK set", check=_jwk_set)


RENEWALS_A_LEASE = 3  # two may fail before the lease expires
_RETRY_DELAY_MAX_SECONDS = 3600.0
_MOST_DOUBLINGS = 64  # a float holds that, and any delay has reached its maximum by then


class Limits(Settings):
    """How large and how long a step may be."""

    upload_max_bytes: int = integer("UPLOAD_MAX_BYTES", "the largest video", default=2**31, minimum=1)
    upload_timeout: float = seconds("UPLOAD_TIMEOUT_SECONDS", "the longest upload", default=3600.0)
    convert_timeout: float = seconds(
        "CONVERT_TIMEOUT_SECONDS", "the longest conversion; below the platform's request limit", default=540.0
    )
    download_timeout: float = seconds("DOWNLOAD_TIMEOUT_SECONDS", "the longest download", default=3600.0)


class Converting(Settings):
    """What convert may use, and how much may come out."""

    encoders: int = integer(
        "CONVERT_ENCODERS", "encoders of one conversion; 0: as many as it has cores", default=0, minimum=0, maximum=64
    )
    max_duration: int = integer("MAX_DURATION_SECONDS", "the longest sound", default=43_200, minimum=1)
    max_mp3_bytes: int = integer("MAX_MP3_BYTES", "the largest MP3", default=2**31, minimum=1)


class Sweeping(Settings):
    """How much sweep does at a time."""

    pass_seconds: float = seconds(
        "SWEEP_PASS_SECONDS", "how long one pass may go on; the next one takes up the rest", default=20.0
    )


class Periods(Limits):
    """The periods of the job document's transitions; every function that writes jobs must be given the same."""

    upload_lease: float = seconds("UPLOAD_LEASE_SECONDS", "an upload without news for so long is dead", default=60.0)
    convert_lease: float = seconds(
        "CONVERT_LEASE_SECONDS", "a conversion without news for so long is dead", default=60.0
    )
    mail_lease: float = seconds("MAIL_LEASE_SECONDS", "a mail without news for so long is claimed anew", default=120.0)
    mail_unknown: float = seconds(
        "MAIL_UNKNOWN_SECONDS", "a mail handed over without an answer for so long is unknown", default=900.0
    )
    announce_gap: float = seconds("ANNOUNCE_GAP_SECONDS", "the first wait before an event is sent again", default=30.0)
    announce_gap_max: float = seconds("ANNOUNCE_GAP_MAX_SECONDS", "the longest such wait", default=3600.0)
    retry_delay: float = seconds("RETRY_DELAY_SECONDS", "the first wait after a passing failure; doubles", default=10.0)
    max_attempts: int = integer(
        "MAX_ATTEMPTS", "claims of a job, and of a mail, before it is given up", default=5, minimum=1
    )
    video_keep_days: float = days("VIDEO_KEEP_DAYS", "how long an ended job's video is kept", default=1.0)
    mp3_keep_days: float = days("MP3_KEEP_DAYS", "how long an MP3 is kept", default=30.0)
    job_keep_days: float = days("JOB_KEEP_DAYS", "how long a job can be told from an unknown one", default=90.0)

    def backoff(self, attempts: int) -> float:
        """Return the seconds to wait after this many failed attempts: they double, up to an hour."""
        return min(self.retry_delay * 2.0 ** min(attempts - 1, _MOST_DOUBLINGS), _RETRY_DELAY_MAX_SECONDS)

    @property
    def longest_step(self) -> float:
        """Seconds after which no upload or conversion that began before can still be writing."""
        return max(self.upload_timeout + self.upload_lease, self.convert_timeout + self.convert_lease)
