"""The images run, with the rights and limits that a cluster gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.containers import bytecode, platform
from tests.containers.building import FUNCTIONS
from tests.containers.container import running
from tests.containers.image import Image

pytestmark = [pytest.mark.containers, pytest.mark.parametrize("function", FUNCTIONS)]

# The kernel's shared memory is a file system of its own on every platform, and no file of the image.
WRITABLE = {"/tmp", "/dev/shm", "/dev/mqueue"}  # noqa: S108

Mounts = list[tuple[Path, str]]


def test_it_starts_with_few_rights_is_healthy_and_ends_when_asked(
    image: Image, function: str, surroundings: Mounts
) -> None:
    away = function == "connector"  # its health is the broker's, and there is none
    with running(image, platform.environment(function), *surroundings) as container:
        document = container.until_healthy(503 if away else 200)
        status = container.status()

        assert document == {"status": "waiting" if away else "ok", "function": function}
        assert status["Uid"].split() == ["65532"] * 4
        assert status["Gid"].split() == ["65532"] * 4
        assert (status["CapEff"], status["NoNewPrivs"], status["Seccomp"]) == ("0000000000000000", "1", "2")
        assert "/tmp" in container.writable() <= WRITABLE  # noqa: S108

        container.stop()
        assert container.exit_code() == 0, container.log()


def test_nothing_is_compiled_at_its_start(image: Image, function: str, surroundings: Mounts) -> None:
    settings = {**platform.environment(function), "PYTHONVERBOSE": "1"}
    with running(image, settings, *surroundings) as container:
        container.until_healthy(503 if function == "connector" else 200)
        protocol = container.log()

    assert len(bytecode.loaded(protocol)) > 100
    assert bytecode.compiled(protocol) == []
