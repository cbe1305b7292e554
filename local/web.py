"""HTTP to local processes, never through a proxy."""

from typing import Any

import requests


def call(method: str, url: str, *, timeout_seconds: float = 10.0, **options: Any) -> requests.Response:
    """Send one request."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=timeout_seconds, **options)


def answers(url: str, timeout_seconds: float = 3.0) -> bool:
    """Tell whether a GET of this URL returns 200."""
    try:
        return call("GET", url, timeout_seconds=timeout_seconds).status_code == requests.codes.ok
    except requests.RequestException:
        return False
