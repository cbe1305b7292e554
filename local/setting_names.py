"""The settings that may be exported before ./local/up."""

from functools import cache

from functions.common import settings
from functions.common.config import Settings

OF_THE_SERVER = {"THREADS", "GRACEFUL_TIMEOUT_SECONDS"}
SET_BY_US = {"FUNCTION_TARGET", "VERSION"}


@cache
def exportable() -> frozenset[str]:
    """Return their names: all but secrets, which the functions get as files."""
    groups = [each for each in vars(settings).values() if isinstance(each, type) and issubclass(each, Settings)]
    declared = {setting.name for group in groups for setting in group.table.values() if not setting.secret}
    return frozenset(declared - SET_BY_US | OF_THE_SERVER)
