"""The domain of the functions' own URLs, in Knative's config-domain; without one they end in svc.cluster.local."""

import json
from ipaddress import ip_address

import yaml

from local.cluster.kubectl import Kubectl
from local.problem import Problem

SPACE, CONFIG = "knative-serving", "config-domain"
EXAMPLE = "_example"  # documentation, which Knative skips
INTERNAL = "svc."  # how the cluster's own domain begins
# Only our Services get the domain: each has this label, and others in the cluster keep their URLs.
RULE = "selector: {app.kubernetes.io/part-of: mp3converter}"
LABELS: dict[str, str] = yaml.safe_load(RULE)["selector"]
# Every name that ends in an address and this resolves to that address; Knative's own default-domain uses it too.
MAGIC = "sslip.io"
HERE = f"127.0.0.1.{MAGIC}"


def choose(kubectl: Kubectl, wanted: str, *, own: bool) -> str:
    """Return the wanted domain, else the one that is set, else one made of the ingress's address, else ""."""
    return wanted or existing(kubectl.config(SPACE, CONFIG)) or (HERE if own else _of_address(kubectl))


def put(kubectl: Kubectl, domain: str) -> None:
    """Give our Services this domain, unless they have it."""
    changed = changes(kubectl.config(SPACE, CONFIG), domain)
    if changed:
        patch = json.dumps({"data": changed})
        kubectl.run("patch", f"configmap/{CONFIG}", "-n", SPACE, "--type", "merge", "-p", patch)


def existing(config: dict[str, str]) -> str:
    """Return the domain that Knative gives our Services: of those whose labels fit, the most specific one."""
    found = sorted((-len(labels), name) for name, labels in _rules(config).items() if _fits(labels))
    return found[0][1] if found and not found[0][1].startswith(INTERNAL) else ""


def changes(config: dict[str, str], domain: str) -> dict[str, str | None]:
    """Return what gives our Services this domain and no other, and others what they had."""
    rules = _rules(config)
    if domain in rules and not _fits(rules[domain]):
        raise Problem(f"The cluster's {CONFIG} gives {domain} to other Services. Choose another --domain.")
    former: dict[str, str | None] = {name: None for name, labels in rules.items() if labels == LABELS}
    former.pop(domain, None)
    return former if domain in rules else {**former, domain: RULE}


def _rules(config: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the labels that a Service needs for each domain."""
    values = {name: yaml.safe_load(value) or {} for name, value in config.items() if name != EXAMPLE}
    return {name: value.get("selector") or {} for name, value in values.items()}


def _fits(labels: dict[str, str]) -> bool:
    return labels.items() <= LABELS.items()


def _of_address(kubectl: Kubectl) -> str:
    """Return a domain that resolves to the address of Kourier's load balancer, or "" if that has none."""
    where = "jsonpath={.status.loadBalancer.ingress[0].ip}"
    address = kubectl.run("get", "service/kourier", "-n", "kourier-system", "--ignore-not-found", "-o", where).strip()
    return f"{ip_address(address).exploded.replace(':', '-')}.{MAGIC}" if address else ""
