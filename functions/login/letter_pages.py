"""The pages of links in letters: what a browser shows of them, and sends with them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Request, Response
from markupsafe import Markup

from functions.common import pages

_HEADERS = {"Referrer-Policy": "no-referrer"}  # the address holds the token
_FORM = Markup("""\
<div class="card">
{alert}
<p>{text}</p>
<form method="post">
{hidden}
{field}
<p><button>{button}</button></p>
</form>
</div>""")
_ALERT = Markup('<p role="alert">{}</p>')
_HIDDEN = Markup('<input type="hidden" name="{}" value="{}">')
_PASSWORD = Markup("""\
<div class="field">
<label for="password">New password, at least 8 characters</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="8" required autofocus>
</div>""")
_NOTE = Markup("""\
<div class="card">
<p>{text}</p>
<p><a href="{page}">To the page</a></p>
</div>""")
_NOTHING = Markup()


def form(text: str, button: str, *, hidden: Mapping[str, str], password: bool = False, error: str = "") -> Markup:
    """Return the content of a page with one button, which sends the hidden fields, and maybe a new password."""
    return _FORM.format(
        alert=_ALERT.format(error) if error else _NOTHING,
        text=text,
        hidden=Markup("\n").join(_HIDDEN.format(*each) for each in hidden.items()),
        field=_PASSWORD if password else _NOTHING,
        button=button,
    )


def note(request: Request, text: str) -> Markup:
    """Return the content of a page that only says something, and leads to the page."""
    return _NOTE.format(text=text, page=pages.relative(request, "page/"))


def answer(request: Request, title: str, content: Markup, status: int = 200) -> Response:
    """Return a response with a page that tells its address to no other."""
    return pages.answer(request, title, content, status, _HEADERS)
