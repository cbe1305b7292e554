"""Reads the sound that the encoders would get."""

from __future__ import annotations

import os

import numpy

from functions.convert.sound import Sound
from tests.media.pcm import Samples

BLOCK_BYTES = 2**20


def samples_of(sound: Sound) -> Samples:
    """Read a sound to its end; return its samples, one column for each channel."""
    data = bytearray(sound.head)
    while block := os.read(sound.stdout.fileno(), BLOCK_BYTES):
        data += block
    sound.ended()
    return numpy.frombuffer(bytes(data), "<f4").reshape(-1, sound.channels)
