"""CORS: web pages of other origins may call functions, if a setting names them (Fetch standard, section 3.3)."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request

# What scripts may send, and what they may read, beyond what they always may.
_SENT = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, "
    "If-Unmodified-Since, Last-Event-ID, Prefer, Range, Want-Repr-Digest, traceparent"
)
_READ = (
    "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Repr-Digest, Retry-After, WWW-Authenticate, X-Request-Id"
)
_REMEMBERED_SECONDS = "7200"  # the longest time that all browsers accept


def install(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins read all answers of an app, and ask with OPTIONS what they may send.

    Of such a page no cookie is taken (session.py): it may send neither credentials nor X-Requested-With. So it can do
    nothing for which it has no token or password.
    """

    @app.after_request
    def share(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _READ
            if request.method == "OPTIONS" and "Allow" in response.headers:
                response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
                response.headers["Access-Control-Allow-Headers"] = _SENT
                response.headers["Access-Control-Max-Age"] = _REMEMBERED_SECONDS
        return response
