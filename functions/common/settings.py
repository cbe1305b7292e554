"""The settings of the functions: their names, units and defaults."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from typing import Literal

from functions.common.config import Settings, choice, days, hours, integer, listed, seconds, secret, text, url

RENEWALS_A_LEASE = 3  # two may fail before the lease expires
_RETRY_DELAY_MAX_SECONDS = 3600.0
_MAIL_DELAY_MAX_SECONDS = 4 * 3600.0
_MAIL_ATTEMPTS_MOST = 1000
_PORTS_MOST = 65_535
_MAX_DOUBLINGS = 64  # fits into a float, and every delay has reached its maximum by then
# An Ed25519 key in PKCS 8 is this prefix and 32 bytes (RFC 8410 section 7).
_ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")

_LEAST_DIFFERENT_BYTES = 16  # a random key has 30


def _ed25519_pem(value: str) -> None:
    lines = value.strip().splitlines()
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        der = b""
    framed = lines[0] == "-----BEGIN PRIVATE KEY-----" and lines[-1] == "-----END PRIVATE KEY-----"
    if not framed or not der.startswith(_ED25519_PKCS8) or len(der) != len(_ED25519_PKCS8) + 32:
        raise ValueError("must be an Ed25519 private key in PEM (PKCS 8)")
    if len(set(der[-32:])) < _LEAST_DIFFERENT_BYTES:
        raise ValueError("must be a random key")


def _jwk_set(value: str) -> None:
    try:
        keys = json.loads(value)["keys"]
        curves = {key["crv"] for key in keys if key["kid"] and key["x"] and float(key.get("exp", 0)) >= 0}
    except (ValueError, KeyError, TypeError):
        curves = set()
    if curves != {"Ed25519"}:
        raise ValueError("must be a JWK set of Ed25519 keys with a kid each")


def _origin(value: str) -> str:
    # As browsers send it: without a path, and in lower case (RFC 6454 section 6.2).
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[1-9][0-9]{0,4})?|https?://\[[0-9a-f:.]+\](:[1-9][0-9]{0,4})?", value):
        raise ValueError("must be origins such as https://app.example.org, without a path")
    return value


class Serving(Settings):
    """Serving, for every function."""

    function: str = text("FUNCTION_TARGET", "name of the function, such as login")
    version: str = text("VERSION", "version shown by /_/health; images set it", default="unknown")
    metrics_token: str = secret(
        "METRICS_TOKEN", "bearer token for /_/metrics; without it, there is no /_/metrics", default="", minimum=16
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = choice(
        "LOG_LEVEL", "lowest level that is logged", "DEBUG", "INFO", "WARNING", "ERROR", default="INFO"
    )
    idle_timeout: float = seconds(
        "IDLE_TIMEOUT_SECONDS", "time without a byte sent or received after which a connection is closed", default=30.0
    )
    least_rate: int = integer(
        "MIN_BYTES_A_SECOND",
        "lowest average rate of a transfer, in each direction, after its first 10 seconds; 0: no limit",
        default=16_384,
    )
    cors_origins: tuple[str, ...] = listed(
        "CORS_ORIGINS",
        "origins whose web pages may call the functions that people call, separated by spaces, such as "
        "https://app.example.org",
        _origin,
        default=(),
    )


class Deliveries(Settings):
    """The events that functions get."""

    event_token: str = secret(
        "EVENT_TOKEN",
        "bearer token that comes with events; without it, anyone who can reach the function may send some",
        default="",
        minimum=16,
    )


class Links(Settings):
    """The public URLs of the functions."""

    public_url: str = text(
        "PUBLIC_URL",
        "public URL of a function; {function} is replaced by its name",
        default="http://localhost:8080/{function}",
    )


class LinkLife(Settings):
    """How long links work that need no token."""

    link_ttl_days: float = days("LINK_TTL_DAYS", "how long a link in a mail or a podcast is valid", default=7.0)


class SignedLinks(LinkLife):
    """The links that work without a token: in mails, podcasts and webhooks."""

    link_secret: str = secret(
        "LINK_SECRET",
        "key that signs links and the addresses of podcasts, and makes each user's secret for webhooks",
        minimum=32,
    )


class Mongo(Settings):
    """MongoDB: job documents and GridFS."""

    url: str = url("MONGODB_URL", "URL of MongoDB", "mongodb", "mongodb+srv", several_hosts=True)
    database: str = text("MONGODB_DATABASE", "name of the database", default="mp3converter")
    timeout: float = seconds("MONGODB_TIMEOUT_SECONDS", "maximum time of an operation", default=10.0)


class MaybeMongo(Mongo):
    """The same for functions that do most of their work without it."""

    url: str = url("MONGODB_URL", "URL of MongoDB", "mongodb", "mongodb+srv", default="", several_hosts=True)


class Broker(Settings):
    """RabbitMQ: the events."""

    url: str = url("RABBITMQ_URL", "URL of RabbitMQ", "amqp", "amqps")
    timeout: float = seconds("PUBLISH_TIMEOUT_SECONDS", "maximum wait for the broker when publishing", default=5.0)


class Database(Settings):
    """MySQL or MariaDB: the users."""

    url: str = url("MYSQL_URL", "URL of MySQL or MariaDB", "mysql")
    timeout: float = seconds("MYSQL_TIMEOUT_SECONDS", "maximum time of a query", default=5.0)


class MaybeDatabase(Settings):
    """The same for functions that do some of their work without it."""

    url: str = url("MYSQL_URL", "URL of MySQL or MariaDB", "mysql", default="")
    timeout: float = seconds("MYSQL_TIMEOUT_SECONDS", "maximum time of a query", default=5.0)


class KeyMemory(Settings):
    """How long a valid API key is remembered."""

    # At most a minute: closed accounts are removed when no key of theirs can be remembered any more.
    seconds: int = integer(
        "KEY_REMEMBERED_SECONDS",
        "how long a valid API key is remembered, so how long it may work after it was revoked; at most 60",
        default=60,
        maximum=60,
    )


class Relay(Settings):
    """The SMTP relay."""

    url: str = url("SMTP_URL", "URL of the mail relay", "smtp", "smtps")
    sender: str = text("MAIL_FROM", "sender of the mails", default="MP3 converter <mp3@localhost>")
    ehlo_name: str = text(
        "SMTP_EHLO_NAME", "name that greets the relay, which may check it; without it, the host's name", default=""
    )
    timeout: float = seconds("SMTP_TIMEOUT_SECONDS", "maximum time of an SMTP command", default=30.0)
    final_timeout: float = seconds(
        "SMTP_FINAL_TIMEOUT_SECONDS", "maximum wait for the relay to accept a whole mail", default=300.0
    )


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= _PORTS_MOST):
        raise ValueError("must be ports from 1 to 65535")
    return int(value)


def _network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16") from None


class WebhookTargets(Settings):
    """Where webhooks may go."""

    ports: tuple[int, ...] = listed(
        "WEBHOOK_PORTS", "ports to which webhooks may go, separated by spaces", _port, default=(443,)
    )
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = listed(
        "WEBHOOK_NETWORKS",
        "your own networks to which webhooks may go too, to any port and by http, such as 10.1.0.0/16",
        _network,
        default=(),
    )


class Webhooks(WebhookTargets):
    """Sending webhooks."""

    timeout: float = seconds(
        "WEBHOOK_TIMEOUT_SECONDS", "maximum time of a webhook, from looking its host up to the answer", default=10.0
    )


class TokenLife(Settings):
    """The life of tokens."""

    token_ttl: int = integer(
        "TOKEN_TTL_SECONDS", "how long a token is valid", default=3600, minimum=1, maximum=31_536_000
    )


class Signing(TokenLife):
    """Signing tokens; only login has these settings."""

    private_key: str = secret(
        "JWT_PRIVATE_KEY", "Ed25519 private key that signs tokens (PEM, PKCS 8)", check=_ed25519_pem
    )
    previous_keys: str = secret(
        "JWT_PUBLIC_KEYS", "previous public keys to publish after a rotation, as a JWK set", default="", check=_jwk_set
    )
    signup_token: str = secret("SIGNUP_TOKEN", "bearer token that may create users", default="", minimum=16)


class Throttling(Settings):
    """Who has to wait before the next try to log in, or the next letter."""

    trusted_proxies: int = integer(
        "TRUSTED_PROXIES",
        "how many proxies before the function add to X-Forwarded-For; the client's address is the first they added",
        default=0,
        maximum=20,
    )
    account_tries: int = integer(
        "LOGIN_FREE_TRIES",
        "wrong passwords for an account a day after which each further one means a wait; 0: no waits for logins",
        default=10,
    )
    address_tries: int = integer(
        "LOGIN_FREE_TRIES_PER_ADDRESS", "the same for a client's address; 0: no waits for that", default=500
    )
    letters: int = integer(
        "LETTERS_FREE_PER_ADDRESS",
        "how often a client's address may sign up or ask for a new password a day until it has to wait; 0: no waits",
        default=50,
    )


class Registering(Settings):
    """Signing up."""

    registration: Literal["closed", "open"] = choice(
        "REGISTRATION",
        "open: people may sign up for themselves; closed: only operators add users",
        "closed",
        "open",
        default="closed",
    )


class Verifying(Settings):
    """Verifying tokens."""

    public_keys: str = secret("JWT_PUBLIC_KEYS", "public keys that verify tokens, as a JWK set", check=_jwk_set)


class Limits(Settings):
    """Limits of size and time for each step."""

    upload_max_bytes: int = integer("UPLOAD_MAX_BYTES", "maximum size of a video", default=2**31, minimum=1)
    upload_timeout: float = seconds("UPLOAD_TIMEOUT_SECONDS", "maximum time of an upload", default=3600.0)
    convert_timeout: float = seconds(
        "CONVERT_TIMEOUT_SECONDS",
        "maximum time of a conversion; must be below the platform's request limit",
        default=540.0,
    )
    download_timeout: float = seconds("DOWNLOAD_TIMEOUT_SECONDS", "maximum time of a download", default=3600.0)


class Quotas(Settings):
    """What each user may keep and have done; 0 is no limit."""

    kept_bytes: int = integer(
        "QUOTA_BYTES", "bytes of videos and MP3s that a user may keep; 0: no limit", default=2**37
    )
    jobs_at_once: int = integer(
        "QUOTA_JOBS_AT_ONCE", "jobs of a user that may be uploaded, wait or be converted; 0: no limit", default=100
    )
    jobs_a_day: int = integer("QUOTA_JOBS_A_DAY", "jobs that a user may begin a day; 0: no limit", default=1000)
    conversion_seconds: int = integer(
        "QUOTA_CONVERSION_SECONDS_A_DAY",
        "seconds that the conversions of a user may take a day; 0: no limit",
        default=43_200,
    )


class Converting(Settings):
    """Limits of a conversion."""

    encoders: int = integer(
        "CONVERT_ENCODERS", "encoders per conversion; 0: one per available core", default=0, minimum=0, maximum=64
    )
    max_duration: int = integer("MAX_DURATION_SECONDS", "maximum length of the sound", default=43_200, minimum=1)
    max_mp3_bytes: int = integer("MAX_MP3_BYTES", "maximum size of an MP3", default=2**31, minimum=1)


class Sweeping(Settings):
    """Limits of a pass of sweep."""

    pass_seconds: float = seconds("SWEEP_PASS_SECONDS", "maximum time of a pass; the next pass continues", default=20.0)


class Periods(Limits):
    """Periods of the transitions; they must be the same for every function that writes jobs."""

    upload_lease: float = seconds(
        "UPLOAD_LEASE_SECONDS", "time without progress after which an upload is considered dead", default=60.0
    )
    convert_lease: float = seconds(
        "CONVERT_LEASE_SECONDS", "time without progress after which a conversion is considered dead", default=60.0
    )
    mail_lease: float = seconds(
        "MAIL_LEASE_SECONDS", "time after which a claimed mail may be claimed again", default=120.0
    )
    mail_unknown: float = seconds(
        "MAIL_UNKNOWN_SECONDS",
        "time without an answer after which a mail that was handed over is unknown",
        default=900.0,
    )
    announce_gap: float = seconds(
        "ANNOUNCE_GAP_SECONDS", "time before an event is sent again; doubles each time", default=30.0
    )
    announce_gap_max: float = seconds("ANNOUNCE_GAP_MAX_SECONDS", "maximum of this time", default=3600.0)
    retry_delay: float = seconds(
        "RETRY_DELAY_SECONDS", "delay before a retry after a temporary failure; doubles each time", default=10.0
    )
    max_attempts: int = integer("MAX_ATTEMPTS", "attempts of a conversion before it is given up", default=5, minimum=1)
    mail_keep_trying: float = hours(
        "MAIL_KEEP_TRYING_HOURS", "how long a mail that the relay does not accept is tried again", default=48.0
    )
    webhook_lease: float = seconds(
        "WEBHOOK_LEASE_SECONDS", "time after which a claimed webhook may be claimed again", default=120.0
    )
    webhook_keep_trying: float = hours(
        "WEBHOOK_KEEP_TRYING_HOURS", "how long a webhook that is not accepted is tried again", default=24.0
    )
    video_keep_days: float = days("VIDEO_KEEP_DAYS", "how long the video of an ended job is kept", default=1.0)
    mp3_keep_days: float = days("MP3_KEEP_DAYS", "how long an MP3 is kept", default=30.0)
    job_keep_days: float = days("JOB_KEEP_DAYS", "how long an ended job is kept", default=90.0)

    def backoff(self, attempts: int) -> float:
        """Return the seconds to wait after this many failed attempts: they double, up to an hour."""
        return min(self._doubled(attempts), _RETRY_DELAY_MAX_SECONDS)

    def mail_backoff(self, attempts: int) -> float:
        """Return the seconds to wait after this many attempts of a mail or webhook: they double, up to four hours."""
        return min(self._doubled(attempts), _MAIL_DELAY_MAX_SECONDS)

    @property
    def mail_attempts(self) -> int:
        """How many attempts of a mail there are before it is given up: those that begin in the time for it."""
        return self._attempts_in(self.mail_keep_trying)

    @property
    def webhook_attempts(self) -> int:
        """How many attempts of a webhook there are before it is given up."""
        return self._attempts_in(self.webhook_keep_trying)

    def _attempts_in(self, hours: float) -> int:
        attempts, waited = 1, 0.0
        while waited < hours * 3600 and attempts < _MAIL_ATTEMPTS_MOST:
            waited += self.mail_backoff(attempts)
            attempts += 1
        return attempts

    def _doubled(self, attempts: int) -> float:
        return self.retry_delay * 2.0 ** min(attempts - 1, _MAX_DOUBLINGS)

    @property
    def longest_step(self) -> float:
        """Seconds after which no upload or conversion can still be writing."""
        return max(self.upload_timeout + self.upload_lease, self.convert_timeout + self.convert_lease)
