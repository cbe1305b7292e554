"""A cluster, as kubectl reaches it."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.cluster.run import run
from local.problem import Problem

TRIES, PAUSE_SECONDS = 36, 5.0
# An admission webhook that was just installed says for a while that it is not there.
NOT_YET = ("failed calling webhook", "no endpoints available", "no matches for kind", "connection refused")
ADVICE = "Look at the cluster with kubectl, then try again: every step may be repeated."


class Kubectl:
    """The commands of kubectl that are used here, on one context."""

    def __init__(self, program: str, context: str) -> None:
        self.command = [program, "--context", context]

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run a command and return what it prints."""
        return run([*self.command, *arguments], advice=ADVICE, given=given)

    def apply(self, *what: str, given: str | None = None) -> None:
        """Make objects what they are said to be; wait for webhooks that do not answer yet."""
        for left in reversed(range(TRIES)):
            try:
                self.run("apply", "--server-side", "--force-conflicts", *what, given=given)
                return
            except Problem as problem:
                if not left or not any(sign in str(problem) for sign in NOT_YET):
                    raise
                time.sleep(PAUSE_SECONDS)

    def apply_files(self, files: Iterable[Path]) -> None:
        """Apply files in their order."""
        for file in files:
            self.apply("-f", str(file))

    def wait(self, namespace: str, condition: str, what: str, seconds: int, *which: str) -> None:
        """Wait for objects; say which pods are not ready when it takes too long."""
        waiting = ["wait", "-n", namespace, f"--for=condition={condition}", what, f"--timeout={seconds}s"]
        try:
            self.run(*waiting, *(which or ("--all",)))
        except Problem as problem:
            raise Problem(f"{problem}\n{self.trouble(namespace)}") from None

    def rollout(self, namespace: str, what: str, seconds: int) -> None:
        """Wait for all pods of something to be new and ready."""
        try:
            self.run("rollout", "status", "-n", namespace, what, f"--timeout={seconds}s")
        except Problem as problem:
            raise Problem(f"{problem}\n{self.trouble(namespace)}") from None

    def trouble(self, namespace: str) -> str:
        """Say which pods of a namespace are not ready, and why."""
        found = json.loads(self.run("get", "pods", "-n", namespace, "-o", "json"))["items"]
        told = [f"    {pod['metadata']['name']}: {why}" for pod in found if (why := _why(pod["status"]))]
        return "\n".join([f"Not ready in {namespace}:", *told]) if told else f"All pods in {namespace} are ready."

    def names(self, kind: str, namespace: str) -> set[str]:
        """Return the names of all objects of a kind."""
        said = self.run("get", kind, "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}")
        return set(said.split())

    def secret(self, namespace: str, name: str, key: str) -> str:
        """Return one value of a Secret."""
        values = json.loads(self.run("get", "secret", name, "-n", namespace, "-o", "json"))["data"]
        return b64decode(values[key]).decode()

    def forward(self, namespace: str, service: str, ports: str) -> subprocess.Popen[bytes]:
        """Begin to carry a port of this machine to a service; whoever asks ends it."""
        command = [*self.command, "port-forward", "-n", namespace, f"service/{service}", ports]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _why(status: dict[str, Any]) -> str:
    """Return why a pod is not ready; nothing when it is."""
    conditions = {entry["type"]: entry for entry in status.get("conditions", [])}
    if status.get("phase") == "Succeeded" or conditions.get("Ready", {}).get("status") == "True":
        return ""
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        state = container.get("state", {})
        reason = state.get("waiting") or state.get("terminated") or {}
        if reason.get("reason") not in (None, "PodInitializing", "Completed"):
            return f"{container['name']} {reason['reason']} {reason.get('message', '')}".strip()
    scheduled = conditions.get("PodScheduled", {})
    return str(scheduled.get("message") or f"{status.get('phase', 'Unknown')}, not ready yet")
