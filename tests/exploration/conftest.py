"""Explorations run in processes of their own, as many at once as there are cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.exploration.exploring import Explored


@pytest.fixture(scope="module")
def explored(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Explored]]]:
    """What the module's `run` returns for the name of each of its tests that were asked for."""
    names = [item.callspec.params["name"] for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    # One process for each: millions of states are given back to the machine only when it ends.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        yield {name: pool.submit(request.module.run, name) for name in names}
        pool.shutdown(cancel_futures=True)
