"""Upload a video as the body of a request, safe to repeat."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from mp3converter_client.reading import Body
from mp3converter_client.service import Say, Service


def send(
    service: Service, video: Path, options: Mapping[str, str], progress: Callable[[int, int], None], say: Say
) -> str:
    """Send a video, and return the id of its job. Raises Failure and OSError."""
    # The same in each try, so that one whose answer was lost makes no second job.
    headers = {"Idempotency-Key": f'"{uuid.uuid4()}"', "Content-Type": "application/octet-stream"}
    params = {"filename": os.fsencode(video.name), **options}
    with video.open("rb") as file:
        length = os.fstat(file.fileno()).st_size

        def body() -> Body:
            sent = 0

            def moved(count: int) -> None:
                nonlocal sent
                sent += count
                progress(sent, length)

            return Body(file, length, moved)

        accepted = service.json("POST", "upload", params=params, headers=headers, body=body, say=say)
    return str(accepted["id"])
