"""The functions' own URLs: people's are in the domain, the others' stay inside the cluster, and the README says so."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from local.cluster import domain
from tests.manifests.building import KNATIVE, objects
from tests.manifests.domains import host
from tests.manifests.objects import services
from tests.readme import lines


@pytest.mark.parametrize("folder", sorted((KNATIVE / "overlays").iterdir()), ids=lambda folder: folder.name)
def test_only_the_functions_that_people_call_are_in_the_domain(folder: Path) -> None:
    assert {item["metadata"]["name"]: host(item, "mp3.example.com") for item in services(objects(folder))} == {
        "login": "login.mp3converter.mp3.example.com",
        "upload": "upload.mp3converter.mp3.example.com",
        "download": "download.mp3converter.mp3.example.com",
        "jobs": "jobs.mp3converter.mp3.example.com",
        "page": "page.mp3converter.mp3.example.com",
        "convert": "convert.mp3converter.svc.cluster.local",
        "notify": "notify.mp3converter.svc.cluster.local",
        "sweep": "sweep.mp3converter.svc.cluster.local",
    }


def test_the_readme_sets_what_the_command_sets() -> None:
    (line,) = [line.text for line in lines("knative/README.md") if domain.CONFIG in line.text]
    assert json.loads(shlex.split(line)[-1]) == {"data": domain.changes({}, "DOMAIN")}
