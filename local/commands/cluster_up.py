"""./local/cluster/up: install the whole system on a Kubernetes cluster, and run the end-to-end tests there."""

import argparse

from local.cluster import cluster, knative, openfaas_steps, proof, tools
from local.home import Home
from local.progress import Progress


def run(options: argparse.Namespace) -> int:
    """Create everything that is missing; keep what exists."""
    progress = Progress()
    progress.step("Looking for the current cluster" if options.current else "Creating a cluster with kind")
    Home.default().make()
    if options.openfaas:
        tools.program("faas-cli")
    target = cluster.current(options.registry) if options.current else cluster.own(with_registry=options.openfaas)
    if options.openfaas:
        openfaas_steps.start(target, progress, options.port)
        forward, url = openfaas_steps.gateway_forward(options.port), openfaas_steps.function_url(options.port)
    else:
        knative.start(target, progress, options.port, options.domain or "")
        forward, url = knative.gateway_forward(options.port), knative.function_url(options.port)
    progress.step("Running the end-to-end tests")
    proof.run(target.kubectl, forward, url)
    progress.done("The system is up. Run this command; the functions are then at " + url)
    arguments = f"port-forward -n {forward.namespace} service/{forward.service} {forward.local}:{forward.port}"
    print(f"    {' '.join(target.kubectl.command)} {arguments}")
    return 0
