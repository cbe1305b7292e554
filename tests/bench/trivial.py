"""The least function there can be, for functions-framework's own runner to serve."""

from __future__ import annotations

import functions_framework
from flask import Request


@functions_framework.http
def trivial(request: Request) -> str:
    """Answer."""
    return "ok"
