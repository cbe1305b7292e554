"""Why a pod is not ready, from its status."""

from __future__ import annotations

import pytest

from local.cluster.kubectl import _reason

READY = {"type": "Ready", "status": "True"}


def waiting(name: str, reason: str, message: str = "") -> dict[str, object]:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def terminated(name: str, reason: str) -> dict[str, object]:
    return {"name": name, "state": {"terminated": {"reason": reason}}}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Running", "conditions": [READY]}, ""),
        ({"phase": "Succeeded", "conditions": []}, ""),
        ({}, "Unknown, not ready yet"),
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}, "Running, not ready yet"),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "message": "0/1 nodes: Insufficient memory"}]},
            "0/1 nodes: Insufficient memory",
        ),
        (
            {"phase": "Pending", "containerStatuses": [waiting("mysql", "ImagePullBackOff", "no such host")]},
            "mysql ImagePullBackOff no such host",
        ),
        ({"phase": "Running", "containerStatuses": [terminated("app", "OOMKilled")]}, "app OOMKilled"),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [terminated("join", "Completed"), waiting("wait", "CrashLoopBackOff")],
                "containerStatuses": [waiting("app", "PodInitializing")],
            },
            "wait CrashLoopBackOff",
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [terminated("join", "Completed")],
                "containerStatuses": [waiting("app", "PodInitializing"), {"name": "other", "state": {"running": {}}}],
            },
            "Pending, not ready yet",
        ),
    ],
)
def test_the_reason_why_a_pod_is_not_ready(status: dict[str, object], reason: str) -> None:
    assert _reason(status) == reason
