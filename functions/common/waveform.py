"""Waveforms: the shape of a sound, by which players draw it without reading it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Waveform(NamedTuple):
    """The lowest and the highest sample of each piece of a sound, as pairs of signed bytes.

    `rate` is in Hz; `step` is the number of samples in a piece, of which the last may have fewer.
    """

    rate: int
    step: int
    pairs: bytes

    def to_document(self) -> dict[str, Any]:
        """Return it as it is stored beside an MP3."""
        return self._asdict()

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Waveform:
        """Return what was stored."""
        return cls(**document)

    def as_audiowaveform(self) -> dict[str, Any]:
        """Return it in audiowaveform's JSON format, version 2, which many players read.

        https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
        """
        return {
            "version": 2,
            "channels": 1,
            "sample_rate": self.rate,
            "samples_per_pixel": self.step,
            "bits": 8,
            "length": len(self.pairs) // 2,
            "data": memoryview(self.pairs).cast("b").tolist(),
        }
