"""Values: what a transition sets fields to or compares them with, as data that can be compared and printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from functions.common.settings import Periods

Document = dict[str, Any]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Moment(NamedTuple):
    """What values may depend on: the database's time, the periods, and the arguments of the caller."""

    now: datetime
    periods: Periods
    given: Mapping[str, Any] = _NOTHING

    def after(self, seconds: float) -> datetime:
        """Return the time `seconds` later, in whole milliseconds, because MongoDB stores no fractions of them."""
        later = self.now + timedelta(seconds=seconds)
        return later.replace(microsecond=later.microsecond // 1000 * 1000)


class _Kind:
    """Equality by type and content; as plain tuples, After("x") and Given("x") would be equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), super().__hash__()))


class Now(_Kind, NamedTuple("Now", [])):
    """The current time."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(0)


class After(_Kind, NamedTuple("After", [("period", str)])):
    """The end of a period that begins now; its name is an attribute of Periods."""

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
    """An argument of the caller."""

    def at(self, moment: Moment) -> Any:
        """Resolve the value."""
        return moment.given[self.name]


class Measured(_Kind, NamedTuple("Measured", [("name", str)])):
    """A number that the caller has measured, or 0."""

    def at(self, moment: Moment) -> Any:
        """Resolve the value."""
        return moment.given.get(self.name, 0)


class Fixed(_Kind, NamedTuple("Fixed", [("value", Any)])):
    """A constant."""

    def at(self, moment: Moment) -> Any:
        """Resolve the value."""
        return self.value


class Lease(_Kind, NamedTuple("Lease", [("period", str)])):
    """The end of a lease that begins now, at most the step's deadline (functions/README.md, rule 5)."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        deadline: datetime = moment.given["deadline"]
        return min(moment.after(getattr(moment.periods, self.period)), deadline)


class AfterGiven(_Kind, NamedTuple("AfterGiven", [("name", str)])):
    """The end of a period that begins now; an argument of the caller is its length in seconds."""

    def at(self, moment: Moment) -> datetime:
        """Resolve the value."""
        return moment.after(moment.given[self.name])


class Past(_Kind, NamedTuple("Past", [])):
    """Require a time that is not in the future."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$lte": moment.after(0)}


class NotBefore(_Kind, NamedTuple("NotBefore", [])):
    """Require a time that is not in the future, or none."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$not": {"$gt": moment.after(0)}}


class AttemptsLeft(_Kind, NamedTuple("AttemptsLeft", [("maximum", str)])):
    """Require fewer attempts than a maximum; its name is an attribute of Periods (functions/README.md, rule 6)."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$lt": getattr(moment.periods, self.maximum)}


class NoAttemptsLeft(_Kind, NamedTuple("NoAttemptsLeft", [("maximum", str)])):
    """Require as many attempts as a maximum, or more; its name is an attribute of Periods."""

    def at(self, moment: Moment) -> Document:
        """Resolve the condition."""
        return {"$gte": getattr(moment.periods, self.maximum)}


Value = (
    Now
    | After
    | Length
    | Keep
    | Given
    | Measured
    | Fixed
    | Lease
    | AfterGiven
    | Past
    | NotBefore
    | AttemptsLeft
    | NoAttemptsLeft
)
Values = dict[str, Value]
