"""A function that the connector calls: a real HTTP server on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.connector.sink import Sink


@pytest.fixture(scope="package")
def _one_sink() -> Iterator[Sink]:
    with closing(Sink()) as server:
        yield server


@pytest.fixture
def sink(_one_sink: Sink) -> Sink:
    """A sink without calls, which answers with 200."""
    _one_sink.calls.clear()
    _one_sink.most = 0
    _one_sink.answer = lambda call: 200
    return _one_sink
