"""Network policies: nothing is allowed by default, and each function can reach exactly the backends in its settings."""

from __future__ import annotations

from collections.abc import Iterator

from tests.manifests.objects import Object, jobs, label, of_kind, pods, services
from tests.manifests.settings import environment

# The setting that names a backend: the pod that answers, and its ports.
BACKENDS = {
    "MYSQL_URL_FILE": ("mysql", {3306}),
    "MONGODB_URL_FILE": ("mongodb", {27017}),
    "RABBITMQ_URL_FILE": ("rabbitmq", {5672}),
    "SMTP_URL_FILE": ("", {25, 465, 587}),
}
# If there is a mail catcher, mail also goes there.
CATCHER, CATCHER_PORT = "mailpit", 1025
KNATIVE_PORTS = {8012, 8013, 8112}  # the queue-proxy's


def errors(items: list[Object]) -> list[str]:
    """Return connections that are wrongly allowed or denied."""
    policies = of_kind(items, "NetworkPolicy.networking.k8s.io")
    if not policies:
        return []  # the base has no policies, because they are a component
    found = []
    for namespace in of_kind(items, "Namespace"):
        name = namespace["metadata"]["name"]
        if not any(_denies(policy) for policy in policies if policy["metadata"]["namespace"] == name):
            found.append(f"namespace {name} denies nothing by default")
    for item, pod in pods(items):
        if not [policy for policy in policies if _selects(policy, pod)]:
            found.append(f"{label(item)}: it has no policy of its own")
    found += [f"{label(item)}: {text}" for item in services(items) for text in _entrance(item, policies)]
    found += [f"{label(item)}: nothing calls it" for item in jobs(items) if _entered(item, policies)]
    called = [*services(items), *jobs(items)]
    found += [f"{label(item)}: {text}" for item in called for text in _backends(item, items, policies)]
    return found + [f"{label(policy)}: it allows the whole network" for policy in policies if _open(policy)]


def _denies(policy: Object) -> bool:
    spec = policy["spec"]
    closed = not spec.get("ingress") and not spec.get("egress")
    return spec["podSelector"] == {} and closed and set(spec["policyTypes"]) == {"Ingress", "Egress"}


def _open(policy: Object) -> bool:
    rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
    return any(not rule.get("ports") for rule in rules)


def _selects(policy: Object, pod: Object) -> bool:
    wanted = policy["spec"]["podSelector"].get("matchLabels", {}).items()
    return bool(wanted) and wanted <= pod["metadata"]["labels"].items()


def _entrance(item: Object, policies: list[Object]) -> Iterator[str]:
    if not _entered(item, policies) >= KNATIVE_PORTS:
        yield "Knative's ingress cannot call it"


def _entered(item: Object, policies: list[Object]) -> set[int]:
    rules = [policy["spec"] for policy in policies if _selects(policy, item["spec"]["template"])]
    return {port["port"] for rule in rules for way in rule.get("ingress", []) for port in way.get("ports", [])}


def _backends(item: Object, items: list[Object], policies: list[Object]) -> Iterator[str]:
    given, pod = environment(item, items), item["spec"]["template"]
    rules = [policy["spec"] for policy in policies if _selects(policy, pod)]
    allowed = {port["port"] for rule in rules for way in rule.get("egress", []) for port in way.get("ports", [])}
    needed = set[int]().union(*(ports for setting, (_, ports) in BACKENDS.items() if setting in given))
    needed |= {CATCHER_PORT} if "SMTP_URL_FILE" in given and _catches(items) else set()
    if allowed != needed:
        yield f"it may use ports {sorted(allowed)} but needs {sorted(needed)}"
    backends = [(setting, backend) for setting, (backend, _) in BACKENDS.items()]
    for setting, backend in [*backends, ("SMTP_URL_FILE", CATCHER)]:
        admitted = [_admits(policy, pod) for policy in policies if policy["metadata"]["name"] == backend]
        if any(allowed != (setting in given) for allowed in admitted):
            yield f"{backend} must allow it, or deny it, according to its settings"


def _catches(items: list[Object]) -> bool:
    return any(item["metadata"]["name"] == CATCHER for item, _ in pods(items))


def _admits(policy: Object, pod: Object) -> bool:
    peers = [peer.get("podSelector", {}) for rule in policy["spec"]["ingress"] for peer in rule.get("from", [])]
    wanted = [peer.get("matchLabels", {}).items() for peer in peers]
    return any(labels and labels <= pod["metadata"]["labels"].items() for labels in wanted)
