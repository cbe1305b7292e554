"""The session of the web page: a token in a cookie, which only requests of our own page can use."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import Request, Response

from functions.common.errors import FOREIGN_PAGE, INVALID_TOKEN, Failure

_NAME = "mp3converter"
_OURS = "same-origin"
_BY_HAND = "none"  # by a bookmark, say
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

Check = Callable[[Request, str], None]


class Cookie(NamedTuple):
    """What the cookie is called and to which paths browsers send it, as the functions' public URL decides."""

    name: str
    path: str
    secure: bool
    origin: str


@lru_cache(maxsize=2)
def cookie(public_url: str) -> Cookie:
    """Return the cookie where this is the public URL of a function.

    Its path is what all functions have in common: /function/ with OpenFaaS, / where each has a host of its own.
    """
    url = urlsplit(public_url)
    path = url.path.partition("{function}")[0].rpartition("/")[0] + "/"
    secure = url.scheme == "https"
    # A browser takes such a name only with Secure, and __Host- only for this very host: no neighbour can set it.
    prefix = "" if not secure else "__Host-" if path == "/" else "__Secure-"
    return Cookie(prefix + _NAME, path, secure, f"{url.scheme}://{url.netloc}".lower())


def token(request: Request, public_url: str, check: Check | None = None) -> str | None:
    """Return the token in the request's cookie, or None without one. The check is `check_page` if none is given.

    Raises Failure: FOREIGN_PAGE, or INVALID_TOKEN if there are several.
    """
    found = request.cookies.getlist(cookie(public_url).name)
    if not found:
        return None
    (check or check_page)(request, public_url)
    if len(found) > 1:
        raise Failure(INVALID_TOKEN)
    return found[0]


def check_page(request: Request, public_url: str) -> None:
    """Raise Failure(FOREIGN_PAGE) unless our own page can have sent this request, or a program that is no browser.

    No other page can send X-Requested-With without asking first (Fetch standard, section 3.3), which cors.py never
    allows; navigation cannot at all. Nor can forms, so one needs our own Origin, which browsers send with every form.
    What browsers say of the page themselves is checked too.
    """
    origin = _has_our_origin(request, public_url)
    asked = bool(request.headers.get("X-Requested-With"))
    _check(
        {
            "neither X-Requested-With nor a form of ours": asked or (_is_form(request) and origin is True),
            "another Sec-Fetch-Site": request.headers.get("Sec-Fetch-Site", _OURS) == _OURS,
            "another Origin": origin is not False,
        }
    )


def check_look(request: Request, public_url: str) -> None:
    """Raise Failure(FOREIGN_PAGE) unless a person may have opened the address of a page that only shows something.

    Other pages cannot read or frame the answer, and where browsers know SameSite, they send no cookie from there.
    """
    _check(
        {
            "not only a look": request.method in ("GET", "HEAD"),
            "another Sec-Fetch-Site": request.headers.get("Sec-Fetch-Site", _OURS) in (_OURS, _BY_HAND),
            "another Origin": _has_our_origin(request, public_url) is not False,
        }
    )


def _check(passed: dict[str, bool]) -> None:
    for fault in (name for name, has_passed in passed.items() if not has_passed):
        raise Failure(FOREIGN_PAGE) from ValueError(fault)


def _is_form(request: Request) -> bool:
    return request.method == "POST" and request.mimetype in _FORMS


def _has_our_origin(request: Request, public_url: str) -> bool | None:
    """Tell whether the Origin is ours; None if there is none."""
    origin = request.headers.get("Origin")
    return None if origin is None else _is_ours(origin.lower(), request, cookie(public_url))


def _is_ours(origin: str, request: Request, ours: Cookie) -> bool:
    """Tell whether an origin is the public one, or the host that the request was sent to, maybe through proxies.

    A page that could lie in X-Forwarded-Host could send X-Requested-With as well, so this trusts no header further.
    """
    if origin == ours.origin:
        return True
    scheme, _, host = origin.partition("://")
    if scheme not in (("https",) if ours.secure else ("http", "https")):
        return False
    hosts = [request.headers.get("Host", ""), *request.headers.get("X-Forwarded-Host", "").split(",")]
    return host in [each.strip().lower() for each in hosts]


def begin(response: Response, token: str, seconds: int, public_url: str) -> None:
    """Let the browser keep a token for these seconds."""
    name, path, secure, _ = cookie(public_url)
    response.set_cookie(name, token, max_age=seconds, path=path, secure=secure, httponly=True, samesite="Strict")


def end(response: Response, public_url: str) -> None:
    """Let the browser forget the token."""
    begin(response, "", 0, public_url)
