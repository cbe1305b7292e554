"""The list of one's jobs: which of them, and where the next page begins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import Request

from functions.common import errors, ids, states, web
from functions.common.errors import Failure
from functions.common.values import Document

DEFAULT = 20
MOST = 100
_TEXT_MOST_CHARACTERS = 255
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,14})\.(.+)")


class Wanted(NamedTuple):
    """How many jobs, in which states, with which text in their name, and after which one; `state` as it was given."""

    limit: int
    states: tuple[str, ...]
    text: str
    after: tuple[datetime, str] | None
    state: str


def wanted(request: Request) -> Wanted:
    """Return what a query asks for. Raises Failure(INVALID_PARAMETER)."""
    query = web.query(request)
    return Wanted(
        limit=_limit(query.get("limit", "")),
        states=tuple(_states(query.get("state", ""))),
        text=_text(query.get("q", "")),
        after=_after(query.get("after", "")),
        state=query.get("state", ""),
    )


def following(wanted: Wanted, last: Document) -> dict[str, str]:
    """Return the query of the page after this job."""
    found = {"limit": str(wanted.limit), "after": cursor(last), "state": wanted.state, "q": wanted.text}
    return {name: value for name, value in found.items() if value}


def cursor(job: Document) -> str:
    """Return what names a job's place in the list, also once it has been deleted."""
    return f"{milliseconds(job['created_at'])}.{job['_id']}"


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970, as exact as the database has them."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(milliseconds: int) -> datetime:
    """Return the moment so many milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _limit(given: str) -> int:
    if not given:
        return DEFAULT
    if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < 1:
        raise _refusal("limit", f"a whole number from 1 to {MOST}")
    return min(int(given), MOST)


def _states(given: str) -> Iterable[str]:
    for name in filter(None, given.split(",")):
        if name not in states.INTERNAL:
            raise _refusal("state", f"{', '.join(states.INTERNAL)}, or several with commas")
        yield states.INTERNAL[name]


def _text(given: str) -> str:
    try:
        given.encode()  # raises ValueError for surrogates, which replace bytes that are not UTF-8
    except ValueError:
        raise _refusal("q", "text in UTF-8") from None
    if len(given) > _TEXT_MOST_CHARACTERS or "\0" in given:
        raise _refusal("q", f"at most {_TEXT_MOST_CHARACTERS} characters of a file name")
    return given


def _after(given: str) -> tuple[datetime, str] | None:
    if not given:
        return None
    found = _CURSOR.fullmatch(given)
    if not found or not ids.is_id(found[2]):
        raise _refusal("after", "what the link to the next page has")
    return moment(int(found[1])), found[2]


def _refusal(name: str, allowed: str) -> Failure:
    return Failure(errors.INVALID_PARAMETER, field=name, allowed=allowed)
