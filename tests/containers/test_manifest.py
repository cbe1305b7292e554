"""What a manifest says reaches its container, and no field is silently ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.containers import given, manifest
from tests.manifests.building import objects

Object = dict[str, Any]


@pytest.fixture
def stream() -> list[Object]:
    """What is deployed for development."""
    return objects(given.OVERLAY)


def service(stream: list[Object]) -> Object:
    """Return convert's Service among them."""
    return next(
        item
        for item in stream
        if item["apiVersion"] == "serving.knative.dev/v1" and item["metadata"]["name"] == "convert"
    )


def folders(thing: object) -> Iterator[Object]:
    """Yield every mapping in a document in which a field can be planted; names of labels are free."""
    if isinstance(thing, dict):
        yield thing
        for name, value in thing.items():
            if name not in ("labels", "annotations"):
                yield from folders(value)
    elif isinstance(thing, list):
        for item in thing:
            yield from folders(item)


def test_the_resources_of_convert(stream: list[Object]) -> None:
    run = manifest.read("convert", stream)

    assert run.image == "dev.local/mp3converter/convert:dev"
    assert run.environment["UPLOAD_TIMEOUT_SECONDS"] == "540", "from a ConfigMap"
    assert run.environment["GRACEFUL_TIMEOUT_SECONDS"] == "590", "from the Service"
    assert (run.environment["PORT"], run.environment["K_SERVICE"]) == ("8080", "convert"), "from Knative"
    assert {"--cpus=2.0", f"--memory={2 * 2**30}", f"--memory-swap={2 * 2**30}"} <= set(run.limits)
    assert {"--user=65532:65532", "--cap-drop=all", "--security-opt=no-new-privileges", "--read-only"} <= set(
        run.rights
    )
    assert run.scratch == {"/tmp": 8 * 2**30}  # noqa: S108
    assert run.secrets == [manifest.Secret("convert", "/var/run/secrets/mp3converter", 0o644)]
    assert (run.concurrency, run.grace_seconds) == (1, 600)
    assert run.ready == manifest.Probe("/_/ready")
    assert run.live == manifest.Probe("/_/health", period_seconds=10, timeout_seconds=5, failures=6)


def test_each_manifest_is_understood() -> None:
    assert {given.said(function).environment["K_SERVICE"] for function in given.FUNCTIONS} == set(given.FUNCTIONS)


def test_unknown_fields_are_refused_everywhere(stream: list[Object]) -> None:
    places = list(folders(service(stream)))
    assert len(places) > 20
    for place in places:
        place["lifecycle"] = {}
        with pytest.raises(manifest.Unknown):
            manifest.read("convert", stream)
        del place["lifecycle"]
    manifest.read("convert", stream)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("securityContext.runAsUser", 0),
        ("securityContext.readOnlyRootFilesystem", False),
        ("securityContext.allowPrivilegeEscalation", True),
        ("securityContext.seccompProfile.type", "Unconfined"),
        ("resources.limits.memory", "2e9"),
    ],
)
def test_unknown_values_are_refused(stream: list[Object], path: str, value: object) -> None:
    (place,) = service(stream)["spec"]["template"]["spec"]["containers"]
    *folders, name = path.split(".")
    for folder in folders:
        place = place[folder]
    place[name] = value
    with pytest.raises(manifest.Unknown):
        manifest.read("convert", stream)


def test_an_unmounted_volume_is_refused(stream: list[Object]) -> None:
    pod = service(stream)["spec"]["template"]["spec"]
    pod["volumes"].append({"name": "more", "emptyDir": {"sizeLimit": "1Gi"}})
    with pytest.raises(manifest.Unknown):
        manifest.read("convert", stream)
