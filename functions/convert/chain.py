"""A chain: caged programs connected by pipes; the first one decodes the upload, or several that are mixed."""

from __future__ import annotations

import os
import re
import selectors
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from functions.common import errors
from functions.common.errors import Failure
from functions.convert import cage as caging
from functions.convert.cage import Cage, Child

_BLOCK_BYTES = 2**18
_NO_TRACK = re.compile(r"matches no streams|does not contain any stream", re.I)
_TOO_MANY_ERRORS = 69  # ffmpeg's exit code when two thirds of the packets could not be decoded
_WORDS_KEPT = 500


@dataclass(frozen=True)
class _Link:
    child: Child
    needs_sound: bool


class Chain:
    """Programs that each read what the previous one writes."""

    def __init__(self, cage: Cage, *decoders: Sequence[str]) -> None:
        """Start one decoder, or several, which must be mixed."""
        self._cage = cage
        self._decoders = [cage.start(decoder) for decoder in decoders]
        self._links: list[_Link] = []
        for decoder in self._decoders:
            caging.widen(decoder.stdout.fileno())

    @property
    def last(self) -> Child:
        """Return the last program of the chain."""
        return self._links[-1].child if self._links else self._decoders[-1]

    @property
    def changed(self) -> bool:
        """Tell whether a program after the decoder changes the sound."""
        return bool(self._links)

    def words(self) -> list[str]:
        """Return what each decoder has logged so far."""
        return [decoder.words() for decoder in self._decoders]

    def consumed(self) -> int:
        """Return how many bytes of the upload the decoder has read, on average if there are several."""
        return sum(decoder.consumed() for decoder in self._decoders) // len(self._decoders)

    def mix(self, command: Callable[[Sequence[int]], Sequence[str]]) -> None:
        """Start a program that reads the output of all decoders: the command for these descriptors."""
        pipes = [decoder.stdout for decoder in self._decoders]
        numbers = [pipe.fileno() for pipe in pipes]
        self._add(self._cage.start(command(numbers), inherited=numbers), pipes, needs_sound=True)

    def then(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, needs_sound: bool = False
    ) -> None:
        """Start a program that reads the last one's output; one that `needs_sound` may fail if there is no sound."""
        before = self.last.stdout
        child = self._cage.start(command, stdin=before, environment=environment)
        self._add(child, [before], needs_sound=needs_sound)

    def blocks(self) -> Iterator[bytes]:
        """Yield the last program's output in blocks. Raises Failure(CONVERT_TIMED_OUT)."""
        pipe = self.last.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                self._cage.wait(selector)
                block = os.read(pipe, _BLOCK_BYTES)
                if not block:
                    return
                yield block

    def ended(self, *, sounded: bool) -> None:
        """Wait until all programs have ended, and check that they succeeded; `sounded` tells if any sound came out.

        Raises Failure: NO_AUDIO, UNDECODABLE or CONVERT_TIMED_OUT. Decoding errors do not matter if there was sound.
        """
        codes = [self._cage.code(decoder) for decoder in self._decoders]
        # Check the later programs first: a decoder also fails when its reader has failed.
        for link in self._links:
            self._require_success(link, sounded=sounded)
        for decoder, code in zip(self._decoders, codes, strict=True):
            if code != 0 and not (sounded and code == _TOO_MANY_ERRORS):
                kind = errors.NO_AUDIO if _NO_TRACK.search(decoder.words()) else errors.UNDECODABLE
                raise Failure(kind)

    def _add(self, child: Child, inputs: Sequence[IO[bytes]], *, needs_sound: bool) -> None:
        for pipe in inputs:
            pipe.close()  # so that a program notices when its reader has ended
        caging.widen(child.stdout.fileno())
        self._links.append(_Link(child, needs_sound))

    def _require_success(self, link: _Link, *, sounded: bool) -> None:
        code = self._cage.code(link.child)
        if code != 0 and (sounded or not link.needs_sound):
            said = link.child.words()[-_WORDS_KEPT:]
            raise RuntimeError(f"{link.child.process.args!r} ended with {code}: {said}")
