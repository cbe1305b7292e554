"""Peaks: the waveform of a sound, gathered while it is encoded, with a bounded number of pairs at any length."""

from __future__ import annotations

import os

# OpenBLAS would start a thread for each core, and nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy

from functions.common.waveform import Waveform
from functions.convert.wav import SAMPLE_BYTES

STEP_SAMPLES = 64  # every block has a whole number of them, except the last
MOST_PAIRS = 2048
_FULL_SCALE = 128


class Peaks:
    """Gather pairs of the lowest and the highest sample in any channel."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._width = STEP_SAMPLES * channels
        self._scale = 1  # steps in a pair; doubles whenever there are too many pairs
        self._steps = 0
        # The lowest samples, and the highest ones negated, so that both rows are minima.
        self._pairs = numpy.empty((2, 0), numpy.float32)

    def take(self, block: memoryview) -> None:
        """Take the next samples, 32-bit floats. Only the last call may bring a number that is not whole steps."""
        samples = numpy.frombuffer(block, "<f4", len(block) // SAMPLE_BYTES)
        starts = numpy.arange(0, len(samples), self._width)
        if not len(starts):
            return
        steps = numpy.stack([numpy.minimum.reduceat(samples, starts), -numpy.maximum.reduceat(samples, starts)])
        begun = self._steps % self._scale  # steps in the last pair, if it may have more
        self._steps += len(starts)
        cuts = numpy.arange(-begun, len(starts), self._scale).clip(0)
        pairs = numpy.minimum.reduceat(steps, cuts, axis=1)
        if begun:
            pairs[:, 0] = numpy.minimum(pairs[:, 0], self._pairs[:, -1])
            self._pairs = self._pairs[:, :-1]
        self._pairs = numpy.concatenate([self._pairs, pairs], axis=1)
        while self._pairs.shape[1] > MOST_PAIRS:
            self._pairs = numpy.minimum.reduceat(self._pairs, numpy.arange(0, self._pairs.shape[1], 2), axis=1)
            self._scale *= 2

    def waveform(self) -> Waveform:
        """Return the waveform of all samples so far."""
        both = numpy.stack([self._pairs[0], -self._pairs[1]], axis=1) * _FULL_SCALE
        levels = numpy.rint(both).clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(numpy.int8)
        return Waveform(self._rate, STEP_SAMPLES * self._scale, levels.tobytes())
