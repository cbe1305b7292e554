"""./local/cluster/up: the whole system on a Kubernetes cluster, tried by the end-to-end tests."""

import argparse

from local.cluster import cluster, knative, openfaas_steps, proof, tools
from local.home import Home
from local.progress import Progress


def run(options: argparse.Namespace) -> int:
    """Make everything that is missing; what is there stays."""
    progress = Progress()
    progress.step("Looking for the current cluster" if options.current else "Making a cluster with kind")
    Home.default().make()
    if options.openfaas:
        tools.program("faas-cli")
    place = cluster.current(options.registry) if options.current else cluster.own(with_registry=options.openfaas)
    if options.openfaas:
        openfaas_steps.start(place, progress, options.port)
        door, url = openfaas_steps.door(options.port), openfaas_steps.function_url(options.port)
    else:
        knative.start(place, progress, options.port)
        door, url = knative.door(options.port), knative.function_url(options.port)
    progress.step("Running the end-to-end tests against it")
    proof.run(place.kubectl, door, url)
    progress.done("It runs. This opens its door; the functions are then at " + url)
    target = f"port-forward -n {door.namespace} service/{door.service} {door.local}:{door.port}"
    print(f"    {' '.join(place.kubectl.command)} {target}")
    return 0
