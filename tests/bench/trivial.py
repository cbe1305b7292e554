"""Minimal functions, served by functions-framework's own runner."""

from __future__ import annotations

import functions_framework
from flask import Request


@functions_framework.http
def trivial(request: Request) -> str:
    """Answer."""
    return "ok"


@functions_framework.http
def drivers(request: Request) -> str:
    """Load what an upload or a download cannot do without, and answer."""
    import jwt
    import pymongo

    return f"PyJWT {jwt.__version__}, pymongo {pymongo.version}"
