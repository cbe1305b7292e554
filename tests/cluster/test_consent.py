"""What ./local/cluster/up --current shows of a cluster that it did not create, and that it asks before any change."""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path
from typing import Any

import pytest

from local import arguments
from local.cluster import proof
from local.commands import cluster_up
from local.problem import Problem
from tests.cluster.conftest import KUBECONFIG, StandIns

# What changes a cluster, or uploads to its registry.
CHANGES = re.compile(r"^(docker (build|push)|kubectl .*\b(apply|create|patch|set|label|annotate|delete)\b)")
LINE = ("--current", "--registry", "registry.example.com/you")


def deployment(namespace: str, name: str, version: str, manager: str = "helm") -> dict[str, Any]:
    metadata = {
        "namespace": namespace,
        "name": name,
        "labels": {"app.kubernetes.io/version": version},
        "managedFields": [{"manager": manager, "operation": "Apply"}],
    }
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [{"name": "x", "image": "x"}]}}}}


# The stand-ins' parts have one Deployment for each of their files.
FOUND = [
    deployment("cert-manager", "cert-manager", "v1.22.0"),
    deployment("kourier-system", "kourier", "1.18.0"),
    deployment("knative-eventing", "eventing-crds", "1.22.0"),
    deployment("knative-eventing", "eventing-core", "1.22.0"),
    deployment("knative-sources", "rabbitmq-source", "1.22.0", "mp3converter"),
]
DEFINITION = (
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: queues.rabbitmq.com\n"
)


@pytest.fixture
def theirs(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandIns:
    """The stand-ins with a cluster of somebody else, in which some parts are installed."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.replace("kind-mp3converter", "shop") + "current-context: shop\n")
    (tmp_path / "deployments").write_text(json.dumps({"items": FOUND}))
    (tmp_path / "customresourcedefinitions").write_text("queues.rabbitmq.com helm\nother.example.com\n")
    (operator,) = (tmp_path / "manifests").rglob("messaging-topology-operator-with-certmanager.yaml")
    operator.write_text(f"{DEFINITION}---\n{operator.read_text()}")
    (tmp_path / "configmap-config-network").write_text(json.dumps({"data": {"_example": "x"}}))
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(proof, "run", lambda *_: None)
    return stand_ins


def up(*more: str) -> None:
    cluster_up.run(arguments.parse("cluster/up", [*LINE, *more]))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Types an answer on a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as stdin, os.fdopen(ours, "w") as typed:
        monkeypatch.setattr("sys.stdin", stdin)

        def answer(text: str) -> None:
            typed.write(text)
            typed.flush()

        yield answer


def changes(calls: list[str]) -> list[str]:
    return [line for line in calls if CHANGES.match(line)]


def test_without_a_terminal_it_shows_what_it_would_do_and_refuses(
    theirs: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(Problem, match=r"Nothing was changed\. Run this on a terminal to be asked, or add --yes"):
            up("--domain", "mp3.example.com")
    shown = [re.sub(" +", " ", line.strip()) for line in capsys.readouterr().out.splitlines()]
    start = shown.index("Context shop, the cluster at http://127.0.0.1:9:")
    assert shown[start + 1 :] == [
        "Knative Serving install 1.23.0",
        "Kourier upgrade from 1.18.0 to 1.23.0",
        "Knative Eventing leave (already 1.22.0)",
        "cert-manager leave (newer: 1.22.0)",
        "RabbitMQ's cluster operator install 2.22.3",
        "RabbitMQ's topology operator leave (installed in another way: queues.rabbitmq.com exists)",
        "the RabbitMQ source apply 1.22.0 again, as this command installed it",
        "Knative's ingress change from istio.ingress.networking.knative.dev to "
        "kourier.ingress.networking.knative.dev, for every Service in the cluster",
        "the functions' domain set mp3.example.com",
        "the system itself install in mp3converter and mp3converter-events, then add a user and run the tests",
        "Fields that others have set there are overwritten (--force-conflicts), except in what is left.",
    ]
    assert changes(theirs.calls()) == []


def test_a_domain_of_other_services_is_refused_before_it_asks(theirs: StandIns) -> None:
    config = {"data": {"mp3.example.com": "selector: {app: shop}"}}
    (theirs.folder / "configmap-config-domain").write_text(json.dumps(config))
    with pytest.raises(Problem, match=r"gives mp3\.example\.com to other Services"):
        up("--yes", "--domain", "mp3.example.com")
    assert changes(theirs.calls()) == []


def test_the_domain_of_the_cluster_is_left(theirs: StandIns, capsys: pytest.CaptureFixture[str]) -> None:
    (theirs.folder / "configmap-config-domain").write_text(json.dumps({"data": {"example.com": ""}}))
    up("--yes")
    assert re.search(r"the functions' domain +leave example\.com\n", capsys.readouterr().out)
    assert not [line for line in theirs.calls() if "patch configmap/config-domain" in line]


@pytest.mark.parametrize("typed", ["\n", "n\n", "nonsense\n", "\x04"])
def test_anything_but_yes_changes_nothing(typed: str, theirs: StandIns, terminal: Any) -> None:
    terminal(typed)
    with pytest.raises(Problem, match=r"^Nothing was changed\.$"):
        up()
    assert changes(theirs.calls()) == []


@pytest.mark.parametrize("typed", ["y\n", "Yes\n"])
def test_after_a_yes_it_does_what_it_showed(typed: str, theirs: StandIns, terminal: Any) -> None:
    terminal(typed)
    up()
    applied = [
        line.rpartition("/")[2] for line in theirs.calls() if ("apply" in line and ".yaml" in line) or ".yml" in line
    ]
    assert applied == [
        "serving-crds.yaml",
        "serving-core.yaml",
        "kourier.yaml",
        "cluster-operator.yml",
        "rabbitmq-source.yaml",
    ]


def test_a_script_agrees_with_an_option(theirs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        up("--yes")
    assert [line for line in theirs.calls() if "apply --server-side --force-conflicts -k" in line]


def test_its_own_cluster_is_not_asked_about(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(proof, "run", lambda *_: None)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        cluster_up.run(arguments.parse("cluster/up", []))
    assert [line for line in stand_ins.calls() if "apply --server-side --force-conflicts -k" in line]
