"""CloudEvents as a deliverer posts them to an event function, in either mode."""

from __future__ import annotations

import json
import uuid

from tests.clients.web import Answer, bearer, call

UPLOADED = "com.mp3converter.video.uploaded"


def binary(url: str, token: str, fid: str, kind: str = UPLOADED, *, event_id: str | None = None) -> Answer:
    """Post an event whose attributes are headers."""
    headers = {f"ce-{name}": value for name, value in _attributes(fid, kind, event_id).items()}
    fields = {**headers, **bearer(token), "Content-Type": "application/json"}
    return call("POST", url, headers=fields, body=_data(fid))


def structured(url: str, token: str, fid: str, kind: str = UPLOADED, *, event_id: str | None = None) -> Answer:
    """Post an event that is one JSON document."""
    headers, body = structured_message(fid, kind, event_id)
    return call("POST", url, headers={**headers, **bearer(token)}, body=body)


def structured_message(fid: str, kind: str = UPLOADED, event_id: str | None = None) -> tuple[dict[str, str], bytes]:
    """Return the header and the body of such an event."""
    event = {**_attributes(fid, kind, event_id), "datacontenttype": "application/json", "data": {"id": fid}}
    return {"Content-Type": "application/cloudevents+json"}, json.dumps(event).encode()


def _attributes(fid: str, kind: str, event_id: str | None) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "source": "/mp3converter/upload",
        "type": kind,
        "subject": fid,
    }


def _data(fid: str) -> bytes:
    return json.dumps({"id": fid}).encode()
