"""Inputs: what a request brings for an action, in its query or its body, as JSON or as a form."""

from __future__ import annotations

import io
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser

from functions.common import errors, options, web
from functions.common.errors import Failure
from functions.common.options import Options
from functions.jobs.routes import ROUTING

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_MOST_PARTS = 64


def given(request: Request) -> list[tuple[str, str]]:
    """Return the names and values that a request brings. Raises Failure: BAD_REQUEST, FILE_TOO_LARGE."""
    pairs = [(name, value) for name, value in web.query_pairs(request) if name not in ROUTING]
    body = web.small_body(request)
    if not body.strip():
        return pairs
    if body.lstrip()[:1] == b"{":  # whatever its type: curl -d says that it is a form
        return pairs + [(name, _text(name, value)) for name, value in web.json_object(body).items()]
    if request.mimetype not in _FORMS:
        raise Failure(errors.BAD_REQUEST)
    parser = FormDataParser(_refuse_file, silent=False, max_form_parts=_MOST_PARTS)
    try:
        _, form, _ = parser.parse(io.BytesIO(body), request.mimetype, len(body), request.mimetype_params)
    except (ValueError, HTTPException) as error:
        raise Failure(errors.BAD_REQUEST) from error
    return pairs + list(form.items(multi=True))


def chosen(request: Request) -> Options | None:
    """Return the options of a conversion; None if none are given. Raises Failure: INVALID_OPTION, BAD_REQUEST."""
    pairs = given(request)
    return options.parse(pairs) if pairs else None


def days(request: Request, most: float) -> float:
    """Return for how many days a link is wanted, by default the most.

    Raises Failure: INVALID_PARAMETER, BAD_REQUEST.
    """
    value = dict(reversed(given(request))).get("days", "")
    if not value:
        return most
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 0 < found <= most:
        raise Failure(errors.INVALID_PARAMETER, field="days", allowed=f"a number of days up to {most:g}")
    return found


def _refuse_file(*_: object, **_more: object) -> IO[bytes]:
    raise Failure(errors.BAD_REQUEST)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise options.refusal(name)
    return str(value)
