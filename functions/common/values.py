"""Values: what a transition sets fields to and compares them with, as data that can be compared and printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from functions.common.settings import Periods

Document = dict[str, Any]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Moment(NamedTuple):
    """What a row's values may depend on: the database's clock, the periods, and what the caller gives."""

    now: datetime
    periods: Periods
    given: Mapping[str, Any] = _NOTHING

    def after(self, seconds: float) -> datetime:
        """Return the moment `seconds` later, in the whole milliseconds that MongoDB keeps."""
        later = self.now + timedelta(seconds=seconds)
        return later.replace(microsecond=later.microsecond // 1000 * 1000)


class _Kind:
    """Equality by kind and content: as plain tuples After("x") and Given("x") would be equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), super().__hash__()))


class Now(_Kind, NamedTuple("Now", [])):
    """The moment of the change."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(0)


class After(_Kind, NamedTuple("After", [("period", str)])):
    """The end of a period, named as in Periods, that begins now."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(getattr(moment.periods, self.period))


class Length(_Kind, NamedTuple("Length", [("period", str)])):
    """The length of a period in seconds."""

    def at(self, moment: Moment) -> float:
        """Resolve the value."""
        return float(getattr(moment.periods, self.period))


class Keep(_Kind, NamedTuple("Keep", [("period", str)])):
    """The end of a retention period, in days, that begins now."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(getattr(moment.periods, self.period) * 86_400)


class Given(_Kind, NamedTuple("Given", [("name", str)])):
    """What the caller gives under a name."""

    def at(self, moment: Moment) -> Any:
        """Resolve the value."""
        return moment.given[self.name]


class Fixed(_Kind, NamedTuple("Fixed", [("value", Any)])):
    """Always the same value."""

    def at(self, moment: Moment) -> Any:
        """Resolve the value."""
        return self.value


class Lease(_Kind, NamedTuple("Lease", [("period", str)])):
    """The end of a lease: a period from now, never past the step's deadline (functions/README.md, rule 5)."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        deadline: datetime = moment.given["deadline"]
        return min(moment.after(getattr(moment.periods, self.period)), deadline)


class GivenLater(_Kind, NamedTuple("GivenLater", [("name", str)])):
    """The end of a period in seconds that the caller gives under a name."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(moment.given[self.name])


class Over(_Kind, NamedTuple("Over", [])):
    """Require that the time has come."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$lte": moment.after(0)}


class NotBefore(_Kind, NamedTuple("NotBefore", [])):
    """Require that the time has come, or that none is set."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$not": {"$gt": moment.after(0)}}


class MayTryAgain(_Kind, NamedTuple("MayTryAgain", [])):
    """Require that attempts are left (functions/README.md, rule 6)."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$lt": moment.periods.max_attempts}


class TriedEnough(_Kind, NamedTuple("TriedEnough", [])):
    """Require that no attempts are left (functions/README.md, rule 6)."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$gte": moment.periods.max_attempts}


Value = Now | After | Length | Keep | Given | Fixed | Lease | GivenLater | Over | NotBefore | MayTryAgain | TriedEnough
Values = dict[str, Value]
