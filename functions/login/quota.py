"""What an account uses of its quotas: counted from its jobs, which login may only read."""

from __future__ import annotations

import logging

from functions.backends import mongodb, usage
from functions.common import quotas
from functions.common.config import ConfigError
from functions.common.errors import Failure
from functions.common.settings import Quotas

_log = logging.getLogger(__name__)

_MOST_SECONDS = 3.0  # the rest of the account is worth more than a wait for this


def used(user: str, limits: Quotas) -> dict[str, dict[str, int | None]] | None:
    """Return each quota as upload shows it, or None if MongoDB does not answer in a few seconds."""
    try:
        with mongodb.within(_MOST_SECONDS):
            return quotas.to_document(usage.connect().seen(user, limits))
    except Failure as failure:
        cause = repr(failure.__cause__)
    except ConfigError as error:
        cause = str(error)
    _log.warning("quota not shown", extra={"user": user, "cause": cause})
    return None
