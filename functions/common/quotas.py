"""Quotas: what a user may keep and have done, and how much of it is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.common.errors import QUOTA_AT_ONCE, QUOTA_BYTES, QUOTA_JOBS, QUOTA_SECONDS, Failure, Kind
from functions.common.settings import Quotas

DAY_SECONDS = 86_400
RETRY_AT_ONCE_SECONDS = 10


class Count(NamedTuple):
    """What is counted: its name, the field of the document that counts it, and what a refusal says."""

    name: str
    field: str
    kind: Kind
    daily: bool
    unit: str | None  # as the draft's registry of quota units has it


COUNTS = (
    Count("jobs-at-once", "open", QUOTA_AT_ONCE, False, "concurrent-requests"),
    Count("jobs-a-day", "jobs", QUOTA_JOBS, True, "requests"),
    Count("conversion-seconds-a-day", "seconds", QUOTA_SECONDS, True, None),
    Count("bytes", "bytes", QUOTA_BYTES, False, "content-bytes"),
)


@dataclass(frozen=True)
class Used:
    """One quota of a user: its limit, what is used of it, and in how many seconds it begins anew, if it ever does."""

    count: Count
    limit: int
    used: int
    reset: int | None

    @property
    def left(self) -> int:
        """How much is left."""
        return max(0, self.limit - self.used)


def day(moment: datetime) -> str:
    """Return the day of a moment, as documents name it."""
    return moment.date().isoformat()


def midnight(now: datetime) -> datetime:
    """Return when the day began, by UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def until_midnight(now: datetime) -> int:
    """Return the seconds that are left of the day."""
    return math.ceil((midnight(now) + timedelta(days=1) - now).total_seconds())


def used(document: dict[str, int], quotas: Quotas, now: datetime) -> list[Used]:
    """Return each quota that has a limit, with what the document counts."""
    return [
        Used(count, limit, document[count.field], until_midnight(now) if count.daily else None)
        for count in COUNTS
        if (limit := limit_of(count, quotas))
    ]


def to_document(every: list[Used]) -> dict[str, dict[str, int | None]]:
    """Return each quota with its limit, what is used, and the seconds until it begins anew, if it does."""
    return {each.count.name: {"limit": each.limit, "used": each.used, "reset": each.reset} for each in every}


def limit_of(count: Count, quotas: Quotas) -> int:
    """Return the limit of a count; 0 is none."""
    limits = {
        "open": quotas.jobs_at_once,
        "jobs": quotas.jobs_a_day,
        "seconds": quotas.conversion_seconds,
        "bytes": quotas.kept_bytes,
    }
    return limits[count.field]


def headers(every: list[Used]) -> dict[str, str]:
    """Return the state of the quotas as draft-ietf-httpapi-ratelimit-headers has it; nothing if there is none."""
    if not every:
        return {}
    policies = [_policy(each) for each in every]
    left = [
        f'"{each.count.name}";r={each.left}' + (f";t={each.reset}" if each.reset is not None else "") for each in every
    ]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def refusal(over: Used, every: list[Used]) -> Failure:
    """Return the refusal of what a quota leaves no room for."""
    wait = RETRY_AT_ONCE_SECONDS if over.count.field == "open" else over.reset
    retry = {} if wait is None else {"Retry-After": str(wait)}
    return Failure(
        over.count.kind, headers(every) | retry, quota=over.count.name, **to_document([over])[over.count.name]
    )


def _policy(each: Used) -> str:
    window = f";w={DAY_SECONDS}" if each.count.daily else ""
    unit = f';qu="{each.count.unit}"' if each.count.unit else ""
    return f'"{each.count.name}";q={each.limit}{unit}{window}'
