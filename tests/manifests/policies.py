"""Network policies: nothing is allowed by default, and each function can reach exactly the backends in its settings."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from tests.manifests.objects import Object, jobs, label, of_kind, pods, services
from tests.manifests.settings import environment, settings_of

# The setting that names a backend: the pod that answers, and its ports.
BACKENDS = {
    "MYSQL_URL_FILE": ("mysql", {3306}),
    "MONGODB_URL_FILE": ("mongodb", {27017}),
    "RABBITMQ_URL_FILE": ("rabbitmq", {5672}),
    "SMTP_URL_FILE": ("", {25, 465, 587}),
}
# If there is a mail catcher, mail also goes there.
CATCHER, CATCHER_PORT = "mailpit", 1025
# A function with this setting calls receivers of webhooks, which may be anywhere but here.
WEBHOOKS, WEBHOOK_PORT, SENDERS = "WEBHOOK_TIMEOUT_SECONDS", 443, "webhook-senders"
OURS = """127.0.0.1 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 168.63.129.16 224.0.0.1 255.255.255.255
::1 ::ffff:10.0.0.1 64:ff9b::a00:1 fc00::1 fd00:ec2::254 fe80::1 ff02::1 2002:a00:1::""".split()  # noqa: SIM905
THEIRS = ["1.1.1.1", "2606:4700::1111"]
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
    senders = [policy for policy in policies if policy["metadata"]["name"] == SENDERS]
    found += [f"{label(policy)}: {text}" for policy in senders for text in _blocks(policy)]
    return found + [f"{label(policy)}: it allows the whole network" for policy in policies if _open(policy)]


def _blocks(policy: Object) -> Iterator[str]:
    """Yield what is wrong with the addresses that webhooks may be sent to."""
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule["to"]]
    yield from (f"it allows {address}, which is ours" for address in OURS if _allows(blocks, address))
    yield from (f"it does not allow {address}" for address in THEIRS if not _allows(blocks, address))


def _allows(blocks: list[Object], address: str) -> bool:
    inside = [block for block in blocks if ip_address(address) in ip_network(block["cidr"])]
    return any(all(ip_address(address) not in ip_network(each) for each in block["except"]) for block in inside)


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
    sends = item in services(items) and WEBHOOKS in settings_of(item["metadata"]["name"])
    needed |= {WEBHOOK_PORT} if sends else set()
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
