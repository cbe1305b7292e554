"""Prometheus looks for what it is to read where the manifests put it."""

from __future__ import annotations

import yaml

from local.cluster.openfaas_steps import FUNCTION_SPACE
from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import of_kind, services


def namespaces(job: str) -> set[str]:
    """Return the namespaces in which a job of prometheus.yaml looks for pods."""
    jobs = yaml.safe_load((KNATIVE / "observability" / "prometheus.yaml").read_text())["scrape_configs"]
    (found,) = (each for each in jobs if each["job_name"] == job)
    return {name for source in found["kubernetes_sd_configs"] for name in source["namespaces"]["names"]}


def test_the_functions_are_looked_for_on_both_platforms() -> None:
    found = {item["metadata"]["namespace"] for item in services(objects(KNATIVE / "base"))}
    assert namespaces("mp3converter") == {*found, FUNCTION_SPACE}


def test_the_broker_is_looked_for_where_it_is() -> None:
    found = {
        item["metadata"]["namespace"] for item in of_kind(objects(KNATIVE / "base"), "RabbitmqCluster.rabbitmq.com")
    }
    assert namespaces("rabbitmq") == found
