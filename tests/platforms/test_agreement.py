"""stack.yml and the Knative Services agree about each function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from local import stack_file
from tests.manifests.building import KNATIVE, ROOT, objects
from tests.manifests.objects import Object, container, one
from tests.manifests.settings import effective, environment

NAMES = sorted(stack_file.functions())
# Platform-specific: the public URL, and the time until a pod is killed.
OWN = {"PUBLIC_URL", "GRACEFUL_TIMEOUT_SECONDS", "TRUSTED_PROXIES"}
INTERACTIVE = "mp3converter.com/interactive"  # the label of functions that people call
TERMINATION_SECONDS = 30  # Kubernetes' default, which OpenFaaS keeps
STEPS = ("UPLOAD_TIMEOUT_SECONDS", "CONVERT_TIMEOUT_SECONDS", "DOWNLOAD_TIMEOUT_SECONDS")


@pytest.fixture(scope="session")
def base() -> list[Object]:
    """The objects of the Knative base."""
    return objects(KNATIVE / "base")


@pytest.mark.parametrize("name", NAMES)
def test_the_settings(name: str, base: list[Object]) -> None:
    knative = environment(one(base, "Service.serving.knative.dev", name), base)

    assert _shared(name, stack_file.settings(name)) == _shared(name, knative)


def _shared(function: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return a function's effective settings that are not platform-specific."""
    return {name: value for name, value in effective(function, given).items() if name not in OWN}


@pytest.mark.parametrize("name", NAMES)
def test_interactive_functions(name: str, base: list[Object]) -> None:
    pods = one(base, "Service.serving.knative.dev", name)["spec"]["template"]["metadata"]["labels"]

    assert stack_file.functions()[name]["labels"].get(INTERACTIVE) == pods.get(INTERACTIVE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", ["limits", "requests"])
def test_the_resources(name: str, side: str, base: list[Object]) -> None:
    given = container(one(base, "Service.serving.knative.dev", name))["resources"][side]

    assert stack_file.functions()[name][side] == {"memory": given["memory"], "cpu": str(given["cpu"])}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_ends_before_openfaas_kills_its_pod(name: str) -> None:
    assert int(effective(name, stack_file.settings(name))["GRACEFUL_TIMEOUT_SECONDS"]) < TERMINATION_SECONDS


def test_the_gateway_waits_longer_than_any_step() -> None:
    """stack.yml says how to set the gateway's chart."""
    text = (ROOT / "stack.yml").read_text()
    (upstream,) = re.findall(r"gateway\.upstreamTimeout=(\d+)m\b", text)
    around = re.findall(r"(?:gateway|faasnetes)\.(?:read|write)Timeout=(\d+)m(\d+)s", text)
    settings = [effective(name, stack_file.settings(name)) for name in NAMES]
    longest = max(given[step] for given in settings for step in STEPS if step in given)

    assert longest < int(upstream) * 60
    assert len(around) == 4
    assert all(int(minutes) * 60 + int(seconds) > int(upstream) * 60 for minutes, seconds in around)
