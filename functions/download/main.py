"""download: answer with the MP3 for an id or a signed link, whole or in ranges (functions/README.md, The steps)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.common import config, web
from functions.common.settings import Links, MaybeDatabase, Mongo, Periods, SignedLinks, Verifying

SETTINGS = (Verifying, Links, SignedLinks, Periods, Mongo, MaybeDatabase)
_LOADED = config.load_all(SETTINGS)


@functions_framework.http
def download(request: Request) -> Response:
    """Answer with the MP3 of `?fid=ID` or `/ID` for its owner, or of `?link=SIGNED` for everyone.

    With `inline=1`, browsers play it instead of saving it. `?peaks` and `/peaks` answer with its waveform,
    `?chapters` and `/chapters` with its chapters, `?cover` and `/cover` with its picture, `?archive=ID,ID` and
    `/archive?ids=ID,ID` with a zip.
    """
    web.allow(request, "GET", "HEAD")
    # The drivers load with the first download, not with the process, to keep the cold start short.
    from functions.download import step

    return step.answer(request, _LOADED)
