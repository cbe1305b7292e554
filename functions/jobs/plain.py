"""A user's jobs as pages, for browsers without scripts: the list with a form for the next video, and each job."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Request, Response
from markupsafe import Markup

from functions.backends import recipients
from functions.common import pages
from functions.common.bearer import Bearer
from functions.common.errors import Failure

_log = logging.getLogger(__name__)

_NAV = Markup("""\
<nav><span>{email}</span> <form method="post" action="{address}"><button class="quiet">Log out</button></form></nav>""")
# The options come before the video, so that a wrong one is refused before it is sent.
_UPLOAD = Markup("""\
<form class="card" method="post" enctype="multipart/form-data" action="{address}">
<h2>Convert a video</h2>
<div class="field">
<label for="quality">Quality</label>
<select id="quality" name="quality">
<option value="">Standard, about 190 kbit/s</option>
<option value="0">Best, about 245 kbit/s</option>
<option value="6">Small, about 115 kbit/s</option>
</select>
</div>
<p><label><input type="checkbox" name="channels" value="1"> Mono</label></p>
<p><label><input type="checkbox" name="normalize" value="-16"> As loud as a podcast</label></p>
<div class="field">
<label for="file">Video, up to {most}</label>
<input id="file" name="file" type="file" required>
</div>
<p><button>Send it</button></p>
</form>""")
_LIST = Markup("""\
{form}
<h2>Videos so far</h2>
{jobs}
<p>{older}</p>""")
_ITEMS = Markup('<ol class="rows">\n{}\n</ol>')
_ITEM = Markup("""\
<li class="card">
<h3><a href="{address}">{name}</a></h3>
<p>{state}</p>
</li>""")
_JOB = Markup("""\
<div class="card">
<p>{state}</p>
{following}
<p><a href="{files}">Your files, and the next video</a></p>
</div>""")
_SAY = Markup("<p>{}</p>")
_LINK = Markup('<a href="{}">{}</a>')
_MAILED = "We mail you a link when the MP3 is ready. You can close this page."
_HERE = "The MP3 will be here when it is ready."
_EMPTY = Markup("<p>There are none yet.</p>")


def listed(
    request: Request, bearer: Bearer, jobs: Iterable[Mapping[str, Any]], older: Mapping[str, str] | None, most: int
) -> Response:
    """Return the page with these jobs, and a form for a video of so many bytes at most.

    `older` is the query of the page that follows, or None.
    """
    items = [_item(request, job) for job in jobs]
    content = _LIST.format(
        form=_UPLOAD.format(address=pages.relative(request, "upload/"), most=_size(most)),
        jobs=_ITEMS.format(Markup("\n").join(items)) if items else _EMPTY,
        older=_LINK.format(f"?{urlencode(older)}", "Older ones") if older else "",
    )
    return pages.answer(request, "Your files", content, nav=_nav(request, bearer))


def shown(request: Request, bearer: Bearer, job: Mapping[str, Any]) -> Response:
    """Return the page of a job, which says what happens next."""
    following: Markup | str = ""
    if job["state"] not in ("done", "failed"):
        again = _LINK.format(pages.relative(request, f"jobs/{job['id']}"), "Look again")
        following = _SAY.format(_MAILED if _is_mailed(bearer.user) else _HERE) + Markup("\n") + _SAY.format(again)
    content = _JOB.format(state=_state(request, job), following=following, files=pages.relative(request, "jobs/"))
    return pages.answer(request, job["filename"], content, nav=_nav(request, bearer))


def _nav(request: Request, bearer: Bearer) -> Markup:
    return _NAV.format(email=bearer.email, address=pages.relative(request, "login/session/end"))


def _item(request: Request, job: Mapping[str, Any]) -> Markup:
    address = pages.relative(request, f"jobs/{job['id']}")
    return _ITEM.format(address=address, name=job["filename"], state=_state(request, job))


def _state(request: Request, job: Mapping[str, Any]) -> Markup | str:
    """Return a sentence about a job, with a link to its MP3, which needs no session for an hour."""
    audio = job["links"].get("audio")
    if audio:
        address = pages.relative(request, f"download?{urlsplit(audio).query}")
        return Markup("Done. {}").format(_LINK.format(address, f"Download the MP3 ({_size(job['mp3']['size'])})"))
    sentences = {
        "uploading": "It is being sent.",
        "queued": "It is waiting for its turn.",
        "converting": f"It is being converted: {job['progress']} %.",
        "done": "The MP3 has expired and was deleted.",
    }
    return job["error"]["title"] if job["state"] == "failed" else sentences[job["state"]]


def _is_mailed(user: str) -> bool:
    people = recipients.connect()
    try:
        return people is None or people.want(user)
    except Failure as failure:  # a page that promises less is better than none
        _log.warning("unknown who wants mails", extra={"cause": repr(failure.__cause__)})
        return False


def _size(count: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1000:.0f} kB"
