"""What the service allows and offers, for the page to say."""

from __future__ import annotations

from flask import Response

from functions.common import web
from functions.common.config import Loaded
from functions.common.settings import Converting, LinkLife, Periods, Registering


def answer(loaded: Loaded) -> Response:
    """Answer with the limits, how long files are kept, and whether people may sign up."""
    periods = loaded[Periods]
    return web.answer(
        {
            "upload_max_bytes": periods.upload_max_bytes,
            "max_duration_seconds": loaded[Converting].max_duration,
            "video_keep_days": periods.video_keep_days,
            "mp3_keep_days": periods.mp3_keep_days,
            "link_ttl_days": loaded[LinkLife].link_ttl_days,
            "registration": loaded[Registering].registration == "open",
        }
    )
