"""The number of encoders: the container's processors, shared by parallel conversions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from functions.convert import cores

HOST = len(os.sched_getaffinity(0))


def version_2(folder: Path, quota: str) -> Path:
    """Create a control group of version 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{quota} 100000\n")
    return folder


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max", HOST), ("100000", 1), ("150000", min(2, HOST)), ("50000", 1), ("1000", 1), ("9900000", HOST)],
)
def test_the_quota_limits_the_cores(quota: str, expected: int, tmp_path: Path) -> None:
    version_2(tmp_path, quota)
    assert cores.available(tmp_path, tmp_path / "none") == expected


def test_a_parent_group_limits_too(tmp_path: Path) -> None:
    version_2(tmp_path / "pod", "100000")
    version_2(tmp_path / "pod" / "container", "max")
    (tmp_path / "own").write_text("0::/pod/container\n")
    assert cores.available(tmp_path, tmp_path / "own") == 1


def test_version_1(tmp_path: Path) -> None:
    group = tmp_path / "cpu" / "docker" / "x"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text("100000\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "own").write_text("4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n")
    assert cores.available(tmp_path, tmp_path / "own") == 1
    (group / "cpu.cfs_quota_us").write_text("-1\n")
    assert cores.available(tmp_path, tmp_path / "own") == HOST


@pytest.mark.parametrize("content", ["", "max", "nonsense 1", "1 0"])
def test_unreadable_limits_are_ignored(content: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cores.available(tmp_path, tmp_path / "none") == HOST


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
        assert every() == cores.available()
