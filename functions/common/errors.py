"""The table of all failures: code, status, sentence, permanent or transient."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of failure; `code` is part of the API, `title` is for people."""

    code: str
    status: int
    title: str
    permanent: bool = True


class Failure(Exception):
    """A failure of a kind in the table.

    The answer shows only the kind; the driver's message stays in `__cause__` and the log.
    """

    def __init__(self, kind: Kind, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.headers = headers or {}
        self.more = more


def of_job(error: Mapping[str, str]) -> Kind:
    """Return the kind of a failed job's error, as its document has it."""
    return Kind(error["code"], 422, error["title"])


class TooSlow(OSError):
    """A client has sent or taken too little for too long."""

    def __init__(self) -> None:
        # As for a client that has left: gunicorn closes the connection without a stack trace.
        super().__init__(errno.ECONNRESET, "the client is too slow")


# Authentication (RFC 9110 section 15.5.2, RFC 6750 section 3.1)
UNAUTHORIZED = Kind("unauthorized", 401, "Log in first. This needs a token, or an e-mail address and password.")
WRONG_CREDENTIALS = Kind("wrong_credentials", 401, "The e-mail address or the password is wrong.")
INVALID_TOKEN = Kind("invalid_token", 401, "The token is invalid or has expired. Log in again.")
EXPIRED_LINK = Kind("expired_link", 401, "This link is invalid or has expired. Log in to download the file.")
ACCOUNT_DISABLED = Kind("account_disabled", 403, "This account is disabled.")
INVALID_LINK = Kind("invalid_link", 400, "This link is incomplete. Open it as it stands in the mail.")
TOO_MANY_TRIES = Kind(
    "too_many_tries",
    429,
    "There were too many tries. Wait as long as Retry-After says, then try again.",
    permanent=False,
)
FOREIGN_PAGE = Kind(
    "foreign_page", 403, "Only this service's own page may use its session. Send a token, or open the page again."
)

# Requests
BAD_REQUEST = Kind("bad_request", 400, "The request is malformed.")
URI_TOO_LONG = Kind("uri_too_long", 414, "The address of the request is too long.")
HEADERS_TOO_LARGE = Kind("headers_too_large", 431, "The headers of the request are too large.")
TIMED_OUT_REQUEST = Kind("request_timed_out", 408, "The request did not arrive in time.")
NOT_FOUND = Kind("not_found", 404, "Nothing was found at this address or under this id.")
INVALID_PARAMETER = Kind("invalid_parameter", 400, "Invalid value for a parameter.")
METHOD_NOT_ALLOWED = Kind("method_not_allowed", 405, "This address does not support that method.")
PRECONDITION_FAILED = Kind("precondition_failed", 412, "The file is not the requested version.")
RANGE_NOT_SATISFIABLE = Kind("range_not_satisfiable", 416, "The requested range lies beyond the end of the file.")
MALFORMED_EVENT = Kind("malformed_event", 400, "This is not a CloudEvent that this function handles.")
INVALID_EMAIL = Kind("invalid_email", 400, "This is not a valid e-mail address.")
WEAK_PASSWORD = Kind("weak_password", 400, "A password must have at least 8 characters and at most 1,024 bytes.")
COMMON_PASSWORD = Kind("common_password", 400, "This password is among the first that are guessed. Choose another.")
WRONG_STATE = Kind("wrong_state", 409, "The account is waiting for confirmation, or is being closed.")
EMAIL_TAKEN = Kind("email_taken", 409, "A user with this e-mail address already exists.")

REGISTRATION_CLOSED = Kind("registration_closed", 403, "Sign-up is closed. Ask the operator for an account.")
KEYS_NOT_TAKEN = Kind("keys_not_taken", 401, "This service takes no API keys. Log in, and send the token.")
INVALID_KEY_FIELDS = Kind(
    "invalid_key_fields", 400, "Give the key a name of 1 to 100 characters, and days from 1 to 3650 or none."
)
TOO_MANY_KEYS = Kind("too_many_keys", 409, "You have 50 keys. Revoke one first.")
USED_LINK = Kind("used_link", 410, "This link was used, or has expired. Ask for a new mail.")

# Uploads and downloads
TOO_MANY_TRANSFERS = Kind(
    "too_many_transfers",
    429,
    "You have too many uploads or downloads running. Try again when one has ended.",
    permanent=False,
)

# Uploads
MISSING_FILE = Kind("missing_file", 400, "Send one video, as the form field 'file' or as the body.")
TOO_MANY_FILES = Kind("too_many_files", 400, "Send one video at a time.")
EMPTY_FILE = Kind("empty_file", 400, "The file is empty.")
MALFORMED_BODY = Kind("malformed_body", 400, "The form is malformed.")
INCOMPLETE_BODY = Kind("incomplete_body", 400, "The upload ended before the whole file arrived.")
TIMED_OUT_UPLOAD = Kind("upload_timed_out", 408, "The upload took too long.")
TOO_SLOW = Kind("too_slow", 408, "The upload is too slow.")
FILE_TOO_LARGE = Kind("too_large", 413, "The file is too large.")
NOT_MEDIA = Kind("not_media", 415, "This file is neither video nor audio.")
INVALID_OPTION = Kind("invalid_option", 400, "Invalid value for an option.")
CODED_BODY = Kind("coded_body", 415, "Send the file without a Content-Encoding.")

QUOTA_AT_ONCE = Kind(
    "too_many_jobs",
    429,
    "You have as many videos waiting or being converted as you may. Try again when one has ended.",
    permanent=False,
)
QUOTA_JOBS = Kind("too_many_jobs_today", 429, "You have sent as many videos today as you may. Try again tomorrow.")
QUOTA_SECONDS = Kind(
    "too_much_conversion_today", 429, "Your conversions have taken as long as they may today. Try again tomorrow."
)
QUOTA_BYTES = Kind(
    "no_space_left", 507, "Your files would take more space than you have. Try again when some have expired."
)
INVALID_KEY = Kind(
    "invalid_idempotency_key",
    400,
    "Send one Idempotency-Key of 1 to 255 letters, digits and signs, such as a UUID in double quotes.",
)
KEY_REUSED = Kind(
    "idempotency_key_reused", 422, "This Idempotency-Key came with another video or options. Send a new one with these."
)
KEY_IN_USE = Kind(
    "idempotency_key_in_use",
    409,
    "The upload with this Idempotency-Key is still running. Try again in a moment.",
    permanent=False,
)

# Downloads
NOT_READY = Kind("not_ready", 409, "The MP3 is not ready yet. Try again in a moment.", permanent=False)
EXPIRED = Kind("expired", 410, "This MP3 has expired and was deleted.")
NO_PEAKS = Kind("no_peaks", 404, "This MP3 was stored without its waveform.")
NO_CHAPTERS = Kind("no_chapters", 404, "This MP3 was stored without a list of chapters.")
NO_COVER = Kind("no_cover", 404, "There is no picture for this MP3.")
INVALID_IDS = Kind("invalid_ids", 400, "Name 1 to 100 finished jobs by their ids, with commas between them.")

# Jobs
NOT_FAILED = Kind("not_failed", 409, "Only a failed job can be converted again.")
NOT_ENDED = Kind("not_ended", 409, "This job has not ended yet. Try again when it has.", permanent=False)
MAIL_ON_ITS_WAY = Kind("mail_on_its_way", 409, "This mail is being sent right now.", permanent=False)
NO_WEBHOOK = Kind("no_webhook", 409, "There is no address that this job's webhook could go to.")
WEBHOOK_ON_ITS_WAY = Kind("webhook_on_its_way", 409, "This webhook is being sent right now.", permanent=False)
NO_LINK = Kind("no_link", 409, "Only a job that is done has links.")
TOO_MANY_STREAMS = Kind(
    "too_many_streams",
    429,
    "You follow your jobs from too many places at once. Close one, and try again.",
    permanent=False,
)
TOO_MANY_MAILS = Kind("too_many_mails", 429, "This mail has been sent as often as it may be.")
VIDEO_EXPIRED = Kind("video_expired", 410, "This video has expired and was deleted.")

# Conversions: stored in the job and shown in the mail
NO_AUDIO = Kind("no_audio", 422, "The video has no sound track.")
UNDECODABLE = Kind("undecodable", 422, "The file is damaged or in a format that cannot be decoded.")
NO_INDEX = Kind(
    "no_index",
    422,
    "The MP4 has no index (moov), so it cannot be read: its recording or transfer was cut off. Upload the whole file.",
)
NO_INIT = Kind(
    "no_init",
    422,
    "This is a piece of a stream without its initialization segment. Upload both, joined, or the whole video.",
)
ENCRYPTED = Kind("encrypted", 422, "The video is copy-protected (DRM), so its sound cannot be read.")
NO_SUCH_TRACK = Kind("no_such_track", 422, "The video has no sound track with that number or language.")
OUT_OF_RANGE = Kind("out_of_range", 422, "There is no sound between the requested start and end.")
TOO_LONG = Kind("too_long", 422, "The sound is too long for this service.")
CONVERT_TIMED_OUT = Kind("timed_out", 422, "The conversion took too long.")
MP3_TOO_LARGE = Kind("too_large", 422, "The MP3 would be too large.")
GAVE_UP = Kind("gave_up", 422, "The conversion failed several times because of a problem on our side.")

# This service
UNAVAILABLE = Kind(
    "unavailable", 503, "A service this depends on is unavailable. Try again in a moment.", permanent=False
)
BUSY = Kind("busy", 503, "There are too many requests at the moment. Try again shortly.", permanent=False)
INTERNAL = Kind("internal", 500, "Something went wrong on our side. The details are in the log.", permanent=False)

_MAY_PASS = (INTERNAL, INCOMPLETE_BODY, TOO_SLOW, TIMED_OUT_REQUEST)


def to_deliverer(kind: Kind) -> Kind:
    """Return the kind to answer to a deliverer of events, which knows few answers (functions/README.md, Events)."""
    if kind is FILE_TOO_LARGE:  # it would be sent again, and stays too long
        return MALFORMED_EVENT
    return UNAVAILABLE if kind in _MAY_PASS else kind
