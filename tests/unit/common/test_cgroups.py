"""Control groups: quotas of CPUs and limits of memory, in both versions, also of parent groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from functions.common import cgroups

HOST = len(os.sched_getaffinity(0))
HOST_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


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
    assert cgroups.cpus(tmp_path, tmp_path / "none") == expected


def test_a_parent_group_limits_too(tmp_path: Path) -> None:
    version_2(tmp_path / "pod", "100000")
    version_2(tmp_path / "pod" / "container", "max")
    (tmp_path / "own").write_text("0::/pod/container\n")
    assert cgroups.cpus(tmp_path, tmp_path / "own") == 1


def test_version_1(tmp_path: Path) -> None:
    group = tmp_path / "cpu" / "docker" / "x"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text("100000\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "own").write_text("4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n")
    assert cgroups.cpus(tmp_path, tmp_path / "own") == 1
    (group / "cpu.cfs_quota_us").write_text("-1\n")
    assert cgroups.cpus(tmp_path, tmp_path / "own") == HOST


@pytest.mark.parametrize("content", ["", "max", "nonsense 1", "1 0"])
def test_unreadable_limits_are_ignored(content: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cgroups.cpus(tmp_path, tmp_path / "none") == HOST


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "402653184\n"}, 384 * MIB),
        ({"memory.max": "max\n"}, HOST_BYTES),
        ({"memory/memory.limit_in_bytes": "402653184\n"}, 384 * MIB),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, HOST_BYTES),
        ({"memory.max": "max\n", "pod/memory.max": "402653184\n", "pod/container/memory.max": "max\n"}, 384 * MIB),
        ({"pod/memory.max": "402653184\n", "pod/container/memory.max": "201326592\n"}, 192 * MIB),
        ({"memory.max": "nonsense"}, HOST_BYTES),
        ({}, HOST_BYTES),
    ],
)
def test_the_limit_of_memory(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "own").write_text("0::/pod/container\n")
    assert cgroups.memory(tmp_path, tmp_path / "own") == expected
