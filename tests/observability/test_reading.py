"""Prometheus discovers its targets as the manifests define them."""

from __future__ import annotations

from pathlib import Path

from local import stack_file
from local.cluster.openfaas_steps import FUNCTION_SPACE
from tests.clients.waiting import until
from tests.local.commands import free_port
from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import of_kind, services
from tests.observability import files, pods
from tests.observability.server import running
from tests.tools import prometheus


def namespaces(job: str) -> set[str]:
    """Return the namespaces in which a job in prometheus.yaml discovers pods."""
    return {name for source in files.scraped(job)["kubernetes_sd_configs"] for name in source["namespaces"]["names"]}


def test_functions_are_discovered_on_both_platforms() -> None:
    found = {item["metadata"]["namespace"] for item in services(objects(KNATIVE / "base"))}
    assert namespaces("mp3converter") == {*found, FUNCTION_SPACE}


def test_the_broker_is_discovered() -> None:
    found = {
        item["metadata"]["namespace"] for item in of_kind(objects(KNATIVE / "base"), "RabbitmqCluster.rabbitmq.com")
    }
    assert namespaces("rabbitmq") == found


FOREIGN = {
    "another's function": {"faas_function": "figlet"},
    "the gateway": {"app.kubernetes.io/name": "gateway", "app.kubernetes.io/part-of": "mp3converter"},
}


def test_only_the_pods_of_functions_are_scraped(tmp_path: Path) -> None:
    """On both platforms; by a real Prometheus, whose targets have the labels of its discovery."""
    base = services(objects(KNATIVE / "base"))
    entries = stack_file.functions()
    ours = [pods.discovered(pods.on_knative(item)) for item in base]
    ours += [pods.discovered(pods.on_openfaas(name, entry)) for name, entry in entries.items()]
    sidecars = [pods.discovered(pods.on_knative(item), port=9090) for item in base]
    foreign = [pods.discovered(labels) for labels in FOREIGN.values()]
    job = {
        "job_name": "mp3converter",
        "relabel_configs": files.scraped("mp3converter")["relabel_configs"],
        "static_configs": [
            {"targets": [f"127.0.0.1:{number}"], "labels": labels}
            for number, labels in enumerate([*ours, *sidecars, *foreign], start=1)
        ],
    }
    with running(prometheus.program("prometheus"), tmp_path, free_port(), [job]) as server:
        until(lambda: len(server.get("targets")["activeTargets"]) >= len(ours), "the pods to be discovered")
        found = server.get("targets")
    labels = [target["labels"] for target in found["activeTargets"]]
    assert sorted(each["function"] for each in labels) == sorted([*entries, *entries])
    wanted = {name for name, entry in entries.items() if entry["labels"].get("mp3converter.com/interactive") == "true"}
    assert wanted
    assert {each["function"] for each in labels if each.get("interactive") == "true"} == wanted
    assert len(found["droppedTargets"]) == len(sidecars) + len(foreign)
