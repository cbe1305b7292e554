"""Conditions: whether the client has this version of the file already, or wants another (RFC 9110 section 13)."""

from __future__ import annotations

from datetime import datetime

from flask import Request

from functions.common.errors import PRECONDITION_FAILED, Failure


def is_known(request: Request, etag: str, modified: datetime) -> bool:
    """Tell whether the client has the file already, so that the answer is 304.

    Conditions count in the order of section 13.2.2. Raises Failure(PRECONDITION_FAILED) if it wants another version.
    """
    modified = modified.replace(microsecond=0)
    if request.if_match:
        if not request.if_match.contains(etag):
            raise Failure(PRECONDITION_FAILED)
    elif request.if_unmodified_since and modified > request.if_unmodified_since:
        raise Failure(PRECONDITION_FAILED)
    if request.if_none_match:
        return request.if_none_match.contains_weak(etag)
    return request.if_modified_since is not None and modified <= request.if_modified_since
