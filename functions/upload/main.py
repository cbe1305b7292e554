"""upload: store a video, sent as a form or as the body, as a job (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Broker, Links, Mongo, Periods, Verifying

SETTINGS = (Periods, Verifying, Links, Mongo, Broker)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def upload(request: Request) -> Response:
    """Store a video; answer 202 with the job's id once it cannot be lost any more, then announce it."""
    web.allow(request, "POST", "PUT")
    bearer = web.bearer(request, web.verifier(_LOADED[Verifying].public_keys))
    # The drivers load with the first upload, to keep the cold start short; the connection opens while the rest loads.
    from functions.backends import files, jobs

    documents, stored = jobs.connect(), files.connect()
    from functions.upload import step

    return step.answer(request, bearer, _LOADED, jobs=documents, files=stored)
