"""./local/cluster/up: install the whole system on a Kubernetes cluster, and run the end-to-end tests there."""

import argparse

from local.cluster import cluster, consent, knative, openfaas_steps, parts, proof, system, tools
from local.cluster.versions import KNATIVE, ON_OPENFAAS
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
    progress.step("Comparing the cluster's parts with those that are needed")
    wanted, domain = (ON_OPENFAAS if options.openfaas else KNATIVE), options.domain or ""
    decisions = parts.decide(target.kubectl, wanted, own=not options.current)
    if options.current:
        changes = [(decision.part.title, decision.text) for decision in decisions]
        settings = openfaas_steps.changes(decisions) if options.openfaas else knative.changes(target.kubectl, domain)
        progress.done("This command did not create the current cluster.")
        consent.ask(target.kubectl, [*changes, *settings, *system.changes(target.kubectl)], yes=options.yes)
    if options.openfaas:
        openfaas_steps.start(target, decisions, progress, options.port)
        forward, url = openfaas_steps.gateway_forward(options.port), openfaas_steps.function_url(options.port)
    else:
        knative.start(target, decisions, progress, options.port, domain)
        forward, url = knative.gateway_forward(options.port), knative.function_url(options.port)
    progress.step("Running the end-to-end tests")
    proof.run(target.kubectl, forward, url)
    progress.done("The system is up. Run this command; the functions are then at " + url)
    arguments = f"port-forward -n {forward.namespace} service/{forward.service} {forward.local}:{forward.port}"
    print(f"    {' '.join(target.kubectl.command)} {arguments}")
    return 0
