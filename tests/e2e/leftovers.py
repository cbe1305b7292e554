"""What a test must not leave behind."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tests.clients import processes
from tests.clients.database import Inspector
from tests.local.private import PrivateStack


def leftovers(stack: PrivateStack, inspector: Inspector) -> list[str]:
    """Return what is left of finished work; nothing when all is well."""
    return [
        *(f"job {job['_id']} is still {job['state']}" for job in inspector.unended()),
        *(f"chunks of video {fid} without a file" for fid in inspector.orphans("videos")),
        *(f"chunks of MP3 {fid} without a file" for fid in inspector.orphans("mp3s")),
        *(f"temporary {path}" for path in temporary_files(stack)),
        *(f"process {pid} {processes.command(pid)}" for pid in encoders(stack)),
    ]


def convert_port(stack: PrivateStack) -> int:
    """Return the port that convert listens on."""
    return urlsplit(stack.functions["convert"]).port or 80


def encoders(stack: PrivateStack) -> set[int]:
    """Return the ffmpeg processes that convert runs or has orphaned."""
    ours = processes.family(processes.listeners(convert_port(stack)))
    orphaned = {pid for pid in processes.inside(stack.home) if processes.parent(pid) == 1}
    return processes.encoders(ours | orphaned)


def temporary_files(stack: PrivateStack) -> list[Path]:
    """Return the files in convert's temporary directory."""
    running = processes.listeners(convert_port(stack))
    if not running:
        return []
    first = min(running)
    # A container has its own root.
    folder = Path(f"/proc/{first}/root{processes.environment(first).get('TMPDIR', '/tmp')}")  # noqa: S108
    return sorted(folder.glob("convert-*"))
