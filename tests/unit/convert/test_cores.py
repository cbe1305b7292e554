"""The number of encoders: the container's processors, shared by parallel conversions."""

from __future__ import annotations

import pytest

from functions.common import cgroups
from functions.convert import cores


def test_conversions_share_the_cores() -> None:
    with cores.shared(4) as first:
        assert first() == 4
        with cores.shared(4) as second, cores.shared(4):
            assert (first(), second()) == (1, 1)
        with cores.shared(4) as second:
            assert (first(), second()) == (2, 2)
        assert first() == 4
    with pytest.raises(KeyError), cores.shared(2):
        raise KeyError
    with cores.shared(2) as again:
        assert again() == 2
    with cores.shared() as every:
        assert every() == cgroups.cpus()
