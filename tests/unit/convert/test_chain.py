"""A chain of programs: which program's failure counts, and as which error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.common import errors
from functions.common.errors import Failure
from functions.convert.cage import Cage
from functions.convert.chain import Chain
from functions.convert.watch import Watch

COPY = ["/bin/cat"]
FAIL = ["/bin/sh", "-c", "cat > /dev/null; echo broken >&2; exit 3"]


@pytest.fixture
def cage(tmp_path: Path) -> Iterator[Cage]:
    """A cage in its own folder."""
    with Cage(tmp_path, Watch(time.monotonic() + 30)) as cage:
        yield cage


def decoder(code: int, message: str = "") -> list[str]:
    """Return a program that prints some sound and a message, and exits with a code."""
    return ["/bin/sh", "-c", f"echo sound; echo '{message}' >&2; exit {code}"]


def ended(chain: Chain, *, sounded: bool) -> errors.Kind | None:
    """Read a chain to its end; return why it failed."""
    assert b"".join(chain.blocks()) in (b"sound\n", b"")
    try:
        chain.ended(sounded=sounded)
    except Failure as failure:
        return failure.kind
    return None


@pytest.mark.parametrize(
    ("code", "message", "sounded", "kind"),
    [
        (0, "", True, None),
        (0, "", False, None),
        (69, "", True, None),  # most packets could not be decoded, but there was sound
        (69, "", False, errors.UNDECODABLE),
        (1, "", True, errors.UNDECODABLE),
        (1, "Stream map 0:a matches no streams.", False, errors.NO_AUDIO),
        (1, "Output file does not contain any stream", False, errors.NO_AUDIO),
    ],
)
def test_the_error_of_a_decoder(code: int, message: str, sounded: bool, kind: errors.Kind | None, cage: Cage) -> None:
    chain = Chain(cage, decoder(code, message))
    chain.then(COPY)
    assert ended(chain, sounded=sounded) is kind


def test_the_failure_of_a_later_program_is_not_blamed_on_the_upload(cage: Cage) -> None:
    """Its failure takes precedence over the decoder's, which may be a consequence."""
    chain = Chain(cage, decoder(1))
    chain.then(COPY)
    chain.then(FAIL)
    with pytest.raises(RuntimeError, match=r"ended with 3: broken"):
        ended(chain, sounded=True)


@pytest.mark.parametrize("needs_sound", [True, False])
def test_without_sound_only_a_program_that_needs_it_may_fail(needs_sound: bool, cage: Cage) -> None:
    chain = Chain(cage, decoder(1))
    chain.then(FAIL, needs_sound=needs_sound)
    if needs_sound:
        assert ended(chain, sounded=False) is errors.UNDECODABLE
    else:
        with pytest.raises(RuntimeError, match="broken"):
            ended(chain, sounded=False)
