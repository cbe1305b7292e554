"""An image in the storage: what it says of itself, and the files in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.containers.storage import run


@dataclass(frozen=True)
class Image:
    """An image by its name."""

    name: str

    @cached_property
    def about(self) -> dict[str, Any]:
        """Return podman's description."""
        description: dict[str, Any] = json.loads(run("podman", "image", "inspect", self.name))[0]
        return description

    @property
    def config(self) -> dict[str, Any]:
        """Return what a container starts with."""
        config: dict[str, Any] = self.about["Config"]
        return config

    @property
    def digest(self) -> str:
        """Return the digest of its manifest."""
        digest: str = self.about["Digest"]
        return digest

    @property
    def layers(self) -> list[str]:
        """Return the digests of its layers, the lowest first."""
        layers: list[str] = self.about["RootFS"]["Layers"]
        return layers

    @property
    def size(self) -> int:
        """Return the bytes of all its layers, unpacked."""
        size: int = self.about["Size"]
        return size

    @contextmanager
    def files(self) -> Iterator[Path]:
        """Yield the folder in which its files can be read."""
        path = Path(run("podman", "image", "mount", self.name).strip())
        try:
            yield path
        finally:
            run("podman", "image", "unmount", self.name)
