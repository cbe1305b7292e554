"""Pages that are made for each answer: HTML for people, which needs no scripts and looks like the page."""

from __future__ import annotations

from typing import Any

from flask import Request, Response
from markupsafe import Markup

from functions.common import log
from functions.common.errors import Kind

_HEADERS = {
    "Cache-Control": "no-store",
    # Nothing inline: what gets into a page in spite of escaping cannot run, load or show anything.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # Without one, a form would be sent with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HTML = "text/html"
_TYPE = "text/html; charset=utf-8"
_OTHERS = ("application/json", "application/problem+json", "text/plain")
_PAGE = Markup("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Video to MP3</title>
<link rel="icon" href="{page}icon.svg">
<link rel="stylesheet" href="{page}style.css">
</head>
<body>
<header>
<a href="{page}"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 10v4M8 6v12M12 3v18M16 7v10M20 10v4"/></svg>
<span>Video to MP3</span></a>
{nav}
</header>
<main>
<div class="rows">
<h1>{title}</h1>
{content}
</div>
</main>
</body>
</html>
""")
_PROBLEM = Markup("""\
<div class="card">
<p role="alert">{sentence}</p>
{details}
<p>{ways}</p>
<p><small>Request {request_id}</small></p>
</div>""")
_NOTHING = Markup()


def wanted(request: Request) -> bool:
    """Tell whether the client prefers HTML to anything else, as browsers do when they open an address."""
    return request.accept_mimetypes.best_match([*_OTHERS, _HTML]) == _HTML


def relative(request: Request, path: str) -> str:
    """Return the address of a path of the functions, relative to that of a request.

    It leads to the host and prefix at which the browser is, whatever they are.
    """
    return "../" * request.path.count("/") + path


def answer(
    request: Request,
    title: str,
    content: Markup,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    nav: Markup = _NOTHING,
) -> Response:
    """Return a response with a page; what fills its content in must have been escaped."""
    body = _PAGE.format(title=title, content=content, nav=nav, page=relative(request, "page/"))
    return Response(body, status, _HEADERS | (headers or {}), content_type=_TYPE)


def moved(request: Request, path: str) -> Response:
    """Return a response that lets the browser open a path of the functions, so that reloading sends no form again."""
    return Response(status=303, headers=_HEADERS | {"Location": relative(request, path)}, content_type=_TYPE)


def problem(request: Request, kind: Kind, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an error response that a person can read, with a way back."""
    headers = headers or {}
    details = []
    if "field" in more and "allowed" in more:
        details.append(f"Possible for {more['field']}: {more['allowed']}.")
    if seconds := headers.get("Retry-After"):
        details.append(f"Seconds to wait: {seconds}.")
    ways = [("Back to the start", "page/")]
    if kind.status != 401:  # which means that nobody is logged in
        ways.append(("Your files", "jobs/"))
    content = _PROBLEM.format(
        sentence=kind.title,
        details=Markup("\n").join(Markup("<p>{}</p>").format(each) for each in details),
        ways=Markup(" · ").join(Markup('<a href="{}">{}</a>').format(relative(request, to), name) for name, to in ways),
        request_id=log.request_id.get(),
    )
    return answer(request, "That did not work", content, kind.status, headers)
