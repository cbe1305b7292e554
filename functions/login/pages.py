"""Pages: what a browser shows of a link in a letter, without scripts or anything from outside."""

from __future__ import annotations

import html

from flask import Response

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 15vh auto; padding: 0 1rem; }}
h1 {{ font-size: 1.4rem; }}
label, input {{ display: block; width: 100%; box-sizing: border-box; }}
input, button {{ font: inherit; padding: .6rem .8rem; margin: .3rem 0 1rem; border-radius: .4rem; }}
input {{ border: 1px solid GrayText; }}
button {{ border: 0; background: #1a5fb4; color: #fff; font-weight: 600; cursor: pointer; }}
[role=alert] {{ border-left: .25rem solid #c01c28; padding-left: .75rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_FIELD = """\
<label for="password">New password, at least 8 characters</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="8" required autofocus>
"""


def form(title: str, text: str, button: str, *, hidden: dict[str, str], password: bool = False, error: str = "") -> str:
    """Return the content of a page with one button, which sends the hidden fields, and maybe a new password."""
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">\n' for name, value in hidden.items()
    )
    alert = f'<p role="alert">{html.escape(error)}</p>\n' if error else ""
    return _PAGE.format(
        title=html.escape(title),
        content=f"{alert}<p>{html.escape(text)}</p>\n"
        f'<form method="post">\n{fields}{_FIELD if password else ""}<button>{html.escape(button)}</button>\n</form>',
    )


def note(title: str, text: str) -> str:
    """Return a page that only says something."""
    return _PAGE.format(title=html.escape(title), content=f"<p>{html.escape(text)}</p>")


def answer(page: str, status: int = 200) -> Response:
    """Return a response with a page."""
    return Response(page, status, _HEADERS, content_type="text/html; charset=utf-8")
