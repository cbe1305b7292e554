"""Waveforms: stored and read again, and as players read them."""

from __future__ import annotations

import json

from functions.common.waveform import Waveform

WAVEFORM = Waveform(44_100, 128, bytes([0x80, 0x7F, 0, 1, 0xFF, 0]))


def test_it_is_read_as_it_was_stored() -> None:
    assert Waveform.from_document(WAVEFORM.to_document()) == WAVEFORM


def test_the_form_of_audiowaveform() -> None:
    """With the members and their meaning in its DataFormat.md: pairs of minimum and maximum, one for each pixel."""
    assert json.loads(json.dumps(WAVEFORM.as_audiowaveform())) == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "samples_per_pixel": 128,
        "bits": 8,
        "length": 3,
        "data": [-128, 127, 0, 1, -1, 0],
    }
