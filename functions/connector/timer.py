"""A timer that calls sweep where there is no PingSource, with the same event."""

from __future__ import annotations

import logging
import threading
import time

import requests
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent

from functions.connector.calls import Caller

log = logging.getLogger(__name__)

TYPE = "dev.knative.sources.ping"
SOURCE = "/apis/v1/namespaces/default/pingsources/sweep"


def run(url: str, every: float, caller: Caller, stopping: threading.Event) -> None:
    """Call every `every` seconds, one call at a time, until stopped."""
    due = time.monotonic() + every
    while not stopping.wait(max(0.0, due - time.monotonic())):
        _tick(url, caller)
        due = max(due + every, time.monotonic())


def _tick(url: str, caller: Caller) -> None:
    event = CloudEvent({"type": TYPE, "source": SOURCE, "datacontenttype": "application/json"}, {})
    headers, body = to_binary(event)
    try:
        status = caller.post(requests.Request("POST", url, headers=headers, data=body).prepare())
    except requests.RequestException as error:
        log.warning("the call of sweep failed", extra={"outcome": type(error).__name__})
        return
    if not 200 <= status < 300:
        log.warning("the call of sweep failed", extra={"outcome": status})
