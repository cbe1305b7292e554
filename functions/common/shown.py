"""What people and programs see of a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.common import links, states, transitions
from functions.common.config import Loaded
from functions.common.settings import Links, SignedLinks
from functions.common.values import Document

_AUDIO_SECONDS = 3600  # for media elements and other programs that cannot send a header
_SHOWN = {transitions.CLAIMED: "sending", transitions.HANDING_OVER: "sending"}
_ENDED = (transitions.DONE, transitions.FAILED)


def job(document: Document, loaded: Loaded | Mapping[type, Any]) -> dict[str, Any]:
    """Return a job as answers show it; what it does not have yet, or not any more, is left out."""
    state = document["state"]
    found = {
        "id": document["_id"],
        "state": states.public(state),
        "progress": document["progress"],
        "filename": document["filename"],
        "size": document.get("size"),
        "options": document.get("options") or {},
        "created": time(document["created_at"]),
        "updated": time(document["updated_at"]),
        "mp3": _mp3(document) if state == transitions.DONE else None,
        "error": document.get("error") if state == transitions.FAILED else None,
        "mail": _told(document, "mail"),
        "webhook": _told(document, "webhook") if _asks(document) else None,
        "video_expires": _maybe_time(document.get("expires", {}).get("video")),
        "links": _links(document, loaded),
    }
    return {name: value for name, value in found.items() if value is not None}


def audio(document: Document, loaded: Loaded | Mapping[type, Any]) -> str:
    """Return a link to the MP3 of a job that works without a token for an hour."""
    signed = links.sign(document["_id"], document.get("link_version", 0), loaded[SignedLinks], _AUDIO_SECONDS)
    return links.to(loaded[Links].public_url, "download", link=signed)


def time(moment: datetime) -> str:
    """Return a moment as RFC 3339 has it, in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _maybe_time(moment: datetime | None) -> str | None:
    return time(moment) if moment else None


def _mp3(document: Document) -> dict[str, Any]:
    mp3 = document["mp3"]
    found = {
        "size": mp3["length"],
        "duration": mp3["duration"],
        "notes": list(mp3.get("notes", ())),
        "others": list(mp3["others"]) if mp3.get("others") else None,
        "expires": _maybe_time(mp3.get("expired_at") or document.get("expires", {}).get("mp3")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _asks(document: Document) -> bool:
    """Tell whether a webhook was asked for with the video, or has been sent to where the account says."""
    webhook = document.get("webhook", {})
    return "url" in webhook or (webhook.get("attempts", 0) > 0 and webhook["state"] != transitions.DECLINED)


def _told(document: Document, way: str) -> str:
    state: str = document[way]["state"]
    if state == transitions.NONE and document["state"] in _ENDED:
        return "sending"
    return _SHOWN.get(state, state)


def _links(document: Document, loaded: Loaded | Mapping[type, Any]) -> dict[str, str]:
    job_id, public = document["_id"], loaded[Links].public_url
    found = {"self": links.to(public, "jobs", job_id), "events": links.to(public, "jobs", f"{job_id}/events")}
    if document["state"] == transitions.DONE and not document["mp3"].get("expired_at"):
        found["download"] = links.to(public, "download", fid=job_id)
        found["audio"] = audio(document, loaded)
        found["peaks"] = links.to(public, "download", "peaks", fid=job_id)
        if document["mp3"].get("chapters"):
            found["chapters"] = links.to(public, "download", "chapters", fid=job_id)
    return found
