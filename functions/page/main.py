"""page: serve the web page and the page about the API (functions/README.md, The page)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config
from functions.common.settings import Converting, LinkLife, Periods, Registering

SETTINGS = (Converting, Periods, Registering, LinkLife)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def page(request: Request) -> Response:
    """Answer `/` with the page, `/api` with the one about the API, and `/NAME` with a file that one of them loads."""
    from functions.page import step

    return step.answer(request, _LOADED)
