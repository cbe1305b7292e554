"""The table of errors: its codes are part of the API, and its sentences reveal nothing internal."""

from __future__ import annotations

import pytest

from functions.common import errors
from functions.common.errors import Failure, Kind

KINDS = [value for value in vars(errors).values() if isinstance(value, Kind)]

# The code and status of every error. Clients rely on them: add to this table, but change nothing.
API = [
    ("unauthorized", 401),
    ("wrong_credentials", 401),
    ("invalid_token", 401),
    ("expired_link", 401),
    ("invalid_link", 400),
    ("foreign_page", 403),
    ("bad_request", 400),
    ("uri_too_long", 414),
    ("headers_too_large", 431),
    ("request_timed_out", 408),
    ("too_slow", 408),
    ("not_found", 404),
    ("invalid_parameter", 400),
    ("method_not_allowed", 405),
    ("precondition_failed", 412),
    ("range_not_satisfiable", 416),
    ("malformed_event", 400),
    ("invalid_email", 400),
    ("weak_password", 400),
    ("common_password", 400),
    ("email_taken", 409),
    ("wrong_state", 409),
    ("registration_closed", 403),
    ("used_link", 410),
    ("keys_not_taken", 401),
    ("invalid_key_fields", 400),
    ("too_many_keys", 409),
    ("account_disabled", 403),
    ("missing_file", 400),
    ("too_many_files", 400),
    ("empty_file", 400),
    ("mail_on_its_way", 409),
    ("no_link", 409),
    ("no_webhook", 409),
    ("webhook_on_its_way", 409),
    ("malformed_body", 400),
    ("incomplete_body", 400),
    ("upload_timed_out", 408),
    ("too_large", 413),
    ("not_media", 415),
    ("invalid_option", 400),
    ("coded_body", 415),
    ("too_many_jobs", 429),
    ("too_many_jobs_today", 429),
    ("too_much_conversion_today", 429),
    ("no_space_left", 507),
    ("invalid_idempotency_key", 400),
    ("idempotency_key_reused", 422),
    ("idempotency_key_in_use", 409),
    ("not_ready", 409),
    ("expired", 410),
    ("no_peaks", 404),
    ("no_chapters", 404),
    ("no_cover", 404),
    ("invalid_ids", 400),
    ("not_failed", 409),
    ("too_many_streams", 429),
    ("too_many_mails", 429),
    ("not_ended", 409),
    ("video_expired", 410),
    ("no_audio", 422),
    ("undecodable", 422),
    ("no_index", 422),
    ("no_init", 422),
    ("encrypted", 422),
    ("no_such_track", 422),
    ("out_of_range", 422),
    ("too_long", 422),
    ("timed_out", 422),
    ("too_large", 422),
    ("gave_up", 422),
    ("too_many_transfers", 429),
    ("too_many_tries", 429),
    ("busy", 503),
    ("unavailable", 503),
    ("internal", 500),
]


def test_codes_and_statuses_are_unchanged() -> None:
    assert sorted((kind.code, kind.status) for kind in KINDS) == sorted(API)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (errors.INTERNAL, errors.UNAVAILABLE),
        (errors.TOO_SLOW, errors.UNAVAILABLE),
        (errors.TIMED_OUT_REQUEST, errors.UNAVAILABLE),
        (errors.INCOMPLETE_BODY, errors.UNAVAILABLE),
        (errors.FILE_TOO_LARGE, errors.MALFORMED_EVENT),
        (errors.MALFORMED_EVENT, errors.MALFORMED_EVENT),
        (errors.METHOD_NOT_ALLOWED, errors.METHOD_NOT_ALLOWED),
    ],
)
def test_what_a_deliverer_of_events_is_answered(kind: errors.Kind, answer: errors.Kind) -> None:
    """After 500, 408 or 409 it would drop the event; after 400 it is a dead letter."""
    assert errors.to_deliverer(kind) is answer


def test_transient_errors() -> None:
    assert {kind.code for kind in KINDS if not kind.permanent} == {
        "not_ready",
        "not_ended",
        "too_many_streams",
        "mail_on_its_way",
        "webhook_on_its_way",
        "too_many_transfers",
        "too_many_tries",
        "too_many_jobs",
        "idempotency_key_in_use",
        "unavailable",
        "busy",
        "internal",
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.code}-{kind.status}")
def test_a_title_consists_of_complete_sentences(kind: Kind) -> None:
    """Mails and answers show it unchanged."""
    assert kind.title[0].isupper()
    assert kind.title.endswith(".")
    assert kind.title.isprintable()


def test_titles_are_different() -> None:
    """Two errors with the same sentence could only be distinguished by their codes."""
    assert len({kind.title for kind in KINDS}) == len(KINDS)


def test_a_failure_shows_its_code_and_hides_its_cause() -> None:
    cause = OSError("mongodb://user:word@host/")
    with pytest.raises(Failure) as caught:
        raise Failure(errors.UNAVAILABLE) from cause
    assert str(caught.value) == "unavailable"
    assert "word" not in repr(caught.value)
    assert caught.value.__cause__ is cause


def test_failures_share_no_headers() -> None:
    first, second = Failure(errors.NOT_FOUND), Failure(errors.NOT_FOUND, {"Allow": "GET"}, field="x")
    first.headers["Allow"] = "POST"
    assert (second.headers, second.more) == ({"Allow": "GET"}, {"field": "x"})
    assert (Failure(errors.NOT_FOUND).headers, Failure(errors.NOT_FOUND).more) == ({}, {})
