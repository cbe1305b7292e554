"""The real kn reads each Service and writes it completely; offline, so that it needs no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import Object, container, one, services
from tests.platforms.conftest import Run

pytestmark = pytest.mark.platforms

KIND = "Service.serving.knative.dev"
NAMESPACE = "mp3converter"
OVERLAYS = sorted(folder.name for folder in (KNATIVE / "overlays").iterdir())
FILES = sorted(item["metadata"]["name"] for item in services(objects(KNATIVE / "base")))


def read(run: Run, folder: Path, file: Path) -> Object:
    """Let kn read a file; return the object for the cluster, without kn's additions."""
    done = refused_or_read(run, folder, file)
    assert done == "", done
    (written,) = (folder / "target" / NAMESPACE / "ksvc").iterdir()
    found: Object = yaml.safe_load(written.read_text())
    del found["status"]
    stamp = found["spec"]["template"]["metadata"]["annotations"].pop("client.knative.dev/updateTimestamp")
    assert stamp
    return found


def refused_or_read(run: Run, folder: Path, file: Path) -> str:
    """Return kn's error, or "" if it has read the file."""
    (folder / "target").mkdir()
    done = run("service", "create", "-f", file, "--namespace", NAMESPACE, "--target", folder / "target")
    return done.stderr if done.returncode else ""


def meaning(value: Any) -> Any:
    """Return a value as a cluster interprets it: empty equals missing, and a quantity is a string."""
    if isinstance(value, dict):
        parts = {name: meaning(part) for name, part in value.items()}
        if isinstance(parts.get("cpu"), int):
            parts["cpu"] = str(parts["cpu"])
        return {name: part for name, part in parts.items() if part not in (None, "", 0, {}, [])}
    if isinstance(value, list):
        return [meaning(part) for part in value]
    return value


def write(folder: Path, item: Object) -> Path:
    """Write an object to a file."""
    file = folder / "service.yaml"
    file.write_text(yaml.safe_dump(item))
    return file


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_completely(name: str, run_kn: Run, tmp_path: Path) -> None:
    file = KNATIVE / "base" / "functions" / f"{name}.yaml"
    given = yaml.safe_load(file.read_text())
    given["metadata"]["namespace"] = NAMESPACE

    assert meaning(read(run_kn, tmp_path, file)) == meaning(given)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_built_service_is_read_completely(overlay: str, name: str, run_kn: Run, tmp_path: Path) -> None:
    given = one(objects(KNATIVE / "overlays" / overlay), KIND, name)

    assert meaning(read(run_kn, tmp_path, write(tmp_path, given))) == meaning(given)


def _concurrency(item: Object) -> None:
    item["spec"]["template"]["spec"]["containerConcurrency"] = "one"


def _memory(item: Object) -> None:
    container(item)["resources"]["limits"]["memory"] = "2 gigabytes"


def _timeout(item: Object) -> None:
    item["spec"]["template"]["spec"]["timeoutSeconds"] = 600.5


def _variable(item: Object) -> None:
    container(item)["env"][0]["value"] = 8


def _nameless(item: Object) -> None:
    del item["metadata"]["name"]


def _scale(item: Object) -> None:
    item["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] = 5


@pytest.mark.parametrize("plant", [_concurrency, _memory, _timeout, _variable, _nameless, _scale])
@pytest.mark.parametrize("name", FILES)
def test_a_mistake_is_refused(name: str, plant: Any, run_kn: Run, tmp_path: Path) -> None:
    item = one(objects(KNATIVE / "base"), KIND, name)
    plant(item)

    assert refused_or_read(run_kn, tmp_path, write(tmp_path, item))


@pytest.mark.parametrize("name", FILES)
def test_a_misspelt_field_is_found(name: str, run_kn: Run, tmp_path: Path) -> None:
    """kn silently drops unknown fields, so its result must be compared."""
    item = one(objects(KNATIVE / "base"), KIND, name)
    spec = item["spec"]["template"]["spec"]
    spec["timeoutSecond"] = spec.pop("timeoutSeconds")

    assert meaning(read(run_kn, tmp_path, write(tmp_path, item))) != meaning(item)
