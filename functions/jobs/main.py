"""jobs: list one's jobs, look at, delete, convert again and share each (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config
from functions.common.settings import Broker, Links, MaybeDatabase, Mongo, Periods, Quotas, SignedLinks, Verifying

SETTINGS = (Periods, Quotas, Verifying, Links, SignedLinks, Mongo, Broker, MaybeDatabase)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def jobs(request: Request) -> Response:
    """Answer `/` with the list, `/ID` with a job, `/ID/ACTION` once it is done; the same at `/?id=ID&do=ACTION`.

    `/openapi.json` and `/?openapi` answer with the document of the API, `/picture.png` and `/?picture` with the picture
    of all podcasts.
    """
    # The drivers load with the first request, not with the process, to keep the cold start short.
    from functions.jobs import step

    return step.answer(request, _LOADED)
