"""A cluster, accessed through kubectl."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.cluster.run import LAST_LINES, run
from local.problem import Problem

MAX_TRIES, PAUSE_SECONDS = 36, 5.0
# Errors until a newly installed admission webhook is available.
NOT_YET = ("failed calling webhook", "no endpoints available", "no matches for kind", "connection refused")
OURS = "mp3converter"  # the field manager of the parts that this command installs
ADVICE = "Inspect the cluster with kubectl, then try again: every step can be repeated."


class Kubectl:
    """The kubectl commands used here, on one context."""

    def __init__(self, program: str, context: str) -> None:
        self.context = context
        self.command = [program, "--context", context]

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run a command and return its output."""
        return run([*self.command, *arguments], advice=ADVICE, given=given)

    def apply(self, *what: str, given: str | None = None) -> None:
        """Apply objects; retry while webhooks do not answer yet."""
        for left in reversed(range(MAX_TRIES)):
            try:
                self.run("apply", "--server-side", "--force-conflicts", *what, given=given)
                return
            except Problem as problem:
                if not left or not any(sign in str(problem) for sign in NOT_YET):
                    raise
                time.sleep(PAUSE_SECONDS)

    def apply_files(self, files: Iterable[Path]) -> None:
        """Apply files in this order, as the field manager by which this command knows its own work."""
        for file in files:
            self.apply(f"--field-manager={OURS}", "-f", str(file))

    def wait(self, namespace: str, condition: str, what: str, seconds: int, *which: str) -> None:
        """Wait for objects; on a time-out, report which pods are not ready."""
        waiting = ["wait", "-n", namespace, f"--for=condition={condition}", what, f"--timeout={seconds}s"]
        try:
            self.run(*waiting, *(which or ("--all",)))
        except Problem as problem:
            raise Problem(f"{problem}\n{self.not_ready(namespace)}") from None

    def rollout(self, namespace: str, what: str, seconds: int) -> None:
        """Wait until a rollout is complete."""
        try:
            self.run("rollout", "status", "-n", namespace, what, f"--timeout={seconds}s")
        except Problem as problem:
            raise Problem(f"{problem}\n{self.not_ready(namespace)}") from None

    def has(self, namespace: str, kind: str, selector: str, condition: str) -> bool:
        """Tell whether an object with these labels has a condition."""
        found = f'{{.items[*].status.conditions[?(@.type=="{condition}")].status}}'
        return "True" in self.run("get", kind, "-n", namespace, "-l", selector, "-o", f"jsonpath={found}").split()

    def logs(self, namespace: str, selector: str) -> str:
        """Return the end of the logs of the pods with these labels."""
        lines = self.run("logs", "-n", namespace, "-l", selector, f"--tail={LAST_LINES}").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])

    def not_ready(self, namespace: str) -> str:
        """Report which pods of a namespace are not ready, and why."""
        found = json.loads(self.run("get", "pods", "-n", namespace, "-o", "json"))["items"]
        lines = [f"    {pod['metadata']['name']}: {why}" for pod in found if (why := _reason(pod["status"]))]
        return "\n".join([f"Not ready in {namespace}:", *lines]) if lines else f"All pods in {namespace} are ready."

    def names(self, kind: str, namespace: str) -> set[str]:
        """Return the names of all objects of a kind."""
        output = self.run("get", kind, "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}")
        return set(output.split())

    def server(self) -> str:
        """Return the URL of the cluster's API."""
        return self.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")

    def deployments(self) -> dict[tuple[str, str], Any]:
        """Return every Deployment by its namespace and name, with its field managers."""
        found = self.run("get", "deployments", "--all-namespaces", "--show-managed-fields", "-o", "json")
        return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in json.loads(found)["items"]}

    def definitions(self) -> dict[str, set[str]]:
        """Return the field managers of every custom resource definition; their schemas would be megabytes."""
        line = '{.metadata.name}{range .metadata.managedFields[*]} {.manager}{end}{"\\n"}'
        each = f"jsonpath={{range .items[*]}}{line}{{end}}"
        lines = self.run("get", "customresourcedefinitions", "-o", each).splitlines()
        return {name: set(managers) for name, *managers in map(str.split, lines)}

    def config(self, namespace: str, name: str) -> dict[str, str]:
        """Return what a ConfigMap holds, which is nothing if it does not exist."""
        found = self.run("get", f"configmap/{name}", "-n", namespace, "--ignore-not-found", "-o", "json")
        return dict(json.loads(found).get("data", {})) if found else {}

    def secret(self, namespace: str, name: str, key: str) -> str:
        """Return one value of a Secret."""
        return b64decode(self._secret(namespace, name)[key]).decode()

    def secret_keys(self, namespace: str, name: str) -> set[str]:
        """Return the keys of a Secret."""
        return set(self._secret(namespace, name))

    def _secret(self, namespace: str, name: str) -> dict[str, str]:
        return dict(json.loads(self.run("get", "secret", name, "-n", namespace, "-o", "json"))["data"])

    def forward(self, namespace: str, service: str, ports: str) -> subprocess.Popen[bytes]:
        """Start to forward a local port to a service; the caller must end the process."""
        command = [*self.command, "port-forward", "-n", namespace, f"service/{service}", ports]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _reason(status: dict[str, Any]) -> str:
    """Return why a pod is not ready, or "" if it is."""
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
