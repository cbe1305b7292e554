"""The effects program: the window over a sound that is read forward, and interpolation."""

from __future__ import annotations

import io

import numpy
import pytest

from functions.convert.effects_program import _Stream
from functions.convert.wav import Format

RATE = 1000


def stream(samples: list[float], channels: int, *, head: int, whole: bool) -> _Stream:
    """Return a stream of which `head` bytes were read with its header."""
    data = numpy.array(samples, "<f4").tobytes()
    return _Stream(Format(RATE, channels), data[:head], io.BytesIO(data[head:]), whole=whole)


@pytest.mark.parametrize("head", [0, 3, 4, 40, 400])
def test_the_window_moves_forward(head: int) -> None:
    window = stream([float(each) for each in range(100)], 1, head=head, whole=True)
    window.move(0, 10)
    assert (window.end, window.over) == (10, False)
    assert list(window.at(numpy.array([0.0, 0.009]))) == [0.0, 9.0]
    window.move(8, 50)
    assert list(window.at(numpy.array([0.008, 0.049]))) == [8.0, 49.0]
    window.move(50, 200)
    assert (window.end, window.over) == (100, True)
    assert list(window.at(numpy.array([0.050, 0.099]))) == [50.0, 99.0]


def test_interpolation_is_linear() -> None:
    window = stream([0.0, 10.0, 1.0, 20.0, 2.0, 30.0], 2, head=4, whole=False)
    window.move(0, 3)
    found = window.at(numpy.array([0.0, 0.00025, 0.0015, 0.0025]))
    assert found.tolist() == [[0.0, 10.0], [0.25, 12.5], [1.5, 25.0], [2.0, 30.0]]  # after the last one, it is repeated
    assert window.at(0.0).tolist() == [0.0, 0.0]


def test_half_a_sample_is_ignored() -> None:
    window = _Stream(Format(RATE, 2), numpy.zeros(5, "<f4").tobytes(), io.BytesIO(b"xyz"), whole=True)
    window.move(0, 100)
    assert (window.end, window.over) == (2, True)
