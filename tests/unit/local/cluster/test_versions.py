"""Versions of the parts of a cluster."""

from __future__ import annotations

from local.cluster import versions


def test_each_part_is_pinned() -> None:
    for part in (*versions.KNATIVE, versions.OPENFAAS):
        assert all(part.version in manifest.url and "latest" not in manifest.url for manifest in part.manifests)
    assert "@sha256:" in versions.NODE
