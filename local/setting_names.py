"""The settings that may be exported before ./local/up, and the life of tokens."""

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


def token_ttl(given: str) -> int:
    """Return how long tokens are valid with this TOKEN_TTL_SECONDS, which may be empty."""
    setting = settings.Signing.table["token_ttl"]
    try:
        return int(setting.parse(given) if given else setting.default)
    except ValueError:  # login does not start with it
        return int(setting.default)
