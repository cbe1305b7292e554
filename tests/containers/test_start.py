"""The images run, with the rights and limits that a cluster gives them."""

from __future__ import annotations

import pytest

from local import version
from tests.containers import bytecode, given
from tests.containers.building import FUNCTIONS
from tests.containers.container import running
from tests.containers.image import Image

pytestmark = [pytest.mark.platforms, pytest.mark.parametrize("function", FUNCTIONS)]

# The kernel's shared memory is a separate file system on every platform, not part of the image.
WRITABLE = {"/tmp", "/dev/shm", "/dev/mqueue"}  # noqa: S108


def probe(function: str) -> tuple[str, int]:
    """Return the path of the function's live probe, and what it is answered here."""
    # The connector is healthy only with a broker, and there is none.
    return ("/_/health", 503) if function == "connector" else (given.said(function).live.path, 200)


def test_it_starts_with_its_manifests_rights_and_stops_on_request(
    image: Image, function: str, words: list[str], settings: dict[str, str]
) -> None:
    with running(image, words, settings) as container:
        path, answer = probe(function)
        document = container.until_answered(path, answer)
        status = container.status()

        if function == "connector":
            assert document == {"status": "waiting", "function": function}
        else:
            # Those that check tokens name the keys that they know.
            assert bool(document.pop("keys", [])) == (function in ("upload", "download", "jobs"))
            assert document == {"status": "ok", "function": function, "version": version.own()}
        assert status["Uid"].split() == ["65532"] * 4
        assert status["Gid"].split() == ["65532"] * 4
        assert (status["CapEff"], status["NoNewPrivs"], status["Seccomp"]) == ("0000000000000000", "1", "2")
        assert "/tmp" in container.writable() <= WRITABLE  # noqa: S108

        container.stop()
        assert container.exit_code() == 0, container.log()


def test_nothing_is_compiled_at_its_start(
    image: Image, function: str, words: list[str], settings: dict[str, str]
) -> None:
    with running(image, words, {**settings, "PYTHONVERBOSE": "1"}) as container:
        container.until_answered(*probe(function))
        protocol = container.log()

    assert len(bytecode.loaded(protocol)) > 100
    assert bytecode.compiled(protocol) == []
