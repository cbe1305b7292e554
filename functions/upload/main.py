"""upload: store a video, sent as a form or as the body, as a job (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.backends import valid_keys
from functions.common import config, web
from functions.common.settings import (
    Broker,
    Links,
    MaybeDatabase,
    Mongo,
    Periods,
    Quotas,
    SignedLinks,
    Verifying,
    WebhookTargets,
)

SETTINGS = (Periods, Quotas, Verifying, Links, SignedLinks, Mongo, Broker, MaybeDatabase, WebhookTargets)
_LOADED = config.load_all(SETTINGS)
_USAGE = "usage"
_READING = ("GET", "HEAD")


@functions_framework.http
def upload(request: Request) -> Response:
    """Store a video; answer 202 with the job's id once it cannot be lost any more, then announce it.

    With `Prefer: wait=SECONDS`, answer once the job has ended.

    `GET /usage`, or `GET /?usage`, answers what is used of the quotas.
    """
    tells = _READING if request.path.strip("/") == _USAGE or _USAGE in web.query(request) else ()
    web.allow(request, *tells, "POST", "PUT")
    asks = request.method in _READING
    bearer = web.caller(request, _LOADED, valid_keys.verify)
    # The drivers load with the first upload, to keep the cold start short; the connection opens while the rest loads.
    from functions.backends import files, idempotency_keys, jobs, usage

    connected = jobs.connect(), files.connect(), usage.connect(), idempotency_keys.connect()
    from functions.upload import admission, step

    stores = admission.Stores(*connected)
    if asks:
        return step.tell_usage(bearer, _LOADED[Quotas], stores.usage)
    return step.answer(request, bearer, _LOADED, stores)
