"""The table of everything that can go wrong: code, status, sentence, permanent or transient."""

from __future__ import annotations

from typing import Any, NamedTuple


class Kind(NamedTuple):
    """One row of the table; `code` is part of the API, `title` is for people."""

    code: str
    status: int
    title: str
    permanent: bool = True


class Failure(Exception):
    """A step cannot go on, for a reason from the table.

    The answer shows the kind alone. What the driver said stays in `__cause__` and the log.
    """

    def __init__(self, kind: Kind, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.headers = headers or {}
        self.more = more


# Who is asking (RFC 9110 section 15.5.2, RFC 6750 section 3.1)
UNAUTHORIZED = Kind("unauthorized", 401, "Log in first: this needs a token or an e-mail address and password.")
WRONG_CREDENTIALS = Kind("wrong_credentials", 401, "The e-mail address or the password is wrong.")
INVALID_TOKEN = Kind("invalid_token", 401, "The token is malformed, expired or not ours. Log in again.")
EXPIRED_LINK = Kind("expired_link", 401, "This link is malformed or has expired. Log in to download the file.")
FORBIDDEN = Kind("forbidden", 403, "This is not open to you.")

# What is asked
BAD_REQUEST = Kind("bad_request", 400, "The request is malformed.")
NOT_FOUND = Kind("not_found", 404, "There is nothing here under this address or id.")
METHOD_NOT_ALLOWED = Kind("method_not_allowed", 405, "This address does not take that method.")
RANGE_NOT_SATISFIABLE = Kind("range_not_satisfiable", 416, "The file ends before the range that was asked for.")
MALFORMED_EVENT = Kind("malformed_event", 400, "This is not a CloudEvent of ours.")
INVALID_EMAIL = Kind("invalid_email", 400, "This is not an e-mail address that can receive mail.")
WEAK_PASSWORD = Kind("weak_password", 400, "A password needs 8 characters at least and 1,024 bytes at most.")
EMAIL_TAKEN = Kind("email_taken", 409, "There is a user with this e-mail address already.")

# Uploads
MISSING_FILE = Kind("missing_file", 400, "Send one video, as the form field 'file' or as the body.")
TOO_MANY_FILES = Kind("too_many_files", 400, "Send one video at a time.")
EMPTY_FILE = Kind("empty_file", 400, "The file is empty.")
MALFORMED_BODY = Kind("malformed_body", 400, "The form is malformed.")
INCOMPLETE_BODY = Kind("incomplete_body", 400, "The upload ended before the whole file was here.")
TIMED_OUT_UPLOAD = Kind("upload_timed_out", 408, "The upload took too long.")
FILE_TOO_LARGE = Kind("too_large", 413, "The file is larger than this service takes.")
NOT_MEDIA = Kind("not_media", 415, "This file is neither video nor audio.")
INVALID_OPTION = Kind("invalid_option", 400, "An option has a value that it cannot take.")
CODED_BODY = Kind("coded_body", 415, "Send the file as it is, without a content coding.")

# Downloads
NOT_READY = Kind("not_ready", 409, "The MP3 is not ready yet. Try again in a moment.", permanent=False)
EXPIRED = Kind("expired", 410, "This MP3 was kept for its time and has been deleted.")

# Jobs
NOT_FAILED = Kind("not_failed", 409, "This job has not failed, so there is nothing to convert again.")
VIDEO_EXPIRED = Kind("video_expired", 410, "This video was kept for its time and has been deleted.")

# Conversions: these end up in the job and in the mail
NO_AUDIO = Kind("no_audio", 422, "The video has no sound track.")
UNDECODABLE = Kind("undecodable", 422, "The file is damaged or in a format that cannot be decoded.")
ENCRYPTED = Kind("encrypted", 422, "The video is protected against copying (DRM), so its sound cannot be read.")
NO_SUCH_TRACK = Kind("no_such_track", 422, "The video has no sound track with that number or language.")
OUT_OF_RANGE = Kind("out_of_range", 422, "There is no sound between the start and the end that were asked for.")
TOO_LONG = Kind("too_long", 422, "The sound lasts longer than this service converts.")
CONVERT_TIMED_OUT = Kind("timed_out", 422, "The conversion took longer than it may.")
MP3_TOO_LARGE = Kind("too_large", 422, "The MP3 would be larger than this service makes.")
GAVE_UP = Kind("gave_up", 422, "The conversion failed several times for a reason on our side.")

# Us
UNAVAILABLE = Kind("unavailable", 503, "Something that this needs is away. Try again in a moment.", permanent=False)
INTERNAL = Kind("internal", 500, "Something went wrong on our side. It has been written down.", permanent=False)
