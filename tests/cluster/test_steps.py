"""./local/cluster/up, as far as it can be shown without a cluster: its order, its repetition, its sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from local.cluster import cluster, images, kind, knative, openfaas_steps, system, versions
from local.cluster.kubectl import Kubectl, _why
from local.home import ROOT
from local.problem import Problem
from local.progress import Progress
from tests.cluster.conftest import Machine
from tests.manifests import admission, operation, references, schemas, topology
from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import services
from tests.manifests.settings import environment
from tests.tools import programs
from tests.tools.faas_cli import faas_cli

PORT = 18_080


def start() -> None:
    """What the command does, but for the tests at its end."""
    knative.start(cluster.own(with_registry=False), Progress(), PORT)


def position(asked: list[str], words: str) -> int:
    """Return where a line with these words was asked."""
    return next(number for number, line in enumerate(asked) if words in line)


@pytest.mark.platforms
def test_every_step_in_its_order(checked: Machine) -> None:
    """Each word was understood by the real docker, kind and kubectl, which only found nothing to reach."""
    start()
    asked = checked.asked()
    steps = [
        "kind create cluster",
        "serving-crds.yaml",
        "serving-core.yaml",
        "-n knative-serving deployment/serving-core",
        "kourier.yaml",
        "eventing-core.yaml",
        "cert-manager.yaml",
        "-n cert-manager deployment/cert-manager",
        "cluster-operator.yml",
        "messaging-topology-operator-with",
        "rabbitmq-source.yaml",
        "patch configmap/config-network",
        "docker build",
        "kind load docker-image",
        "create -f -",
        "apply --server-side --force-conflicts -k",
        "rollout status -n mp3converter statefulset/mongodb",
        "queues.rabbitmq.com",
        "services.serving.knative.dev",
        "rabbitmqsources.sources.knative.dev",
    ]
    found = [position(asked, step) for step in steps]
    assert found == sorted(found)
    assert sum("docker build" in line for line in asked) == len(images.functions())


def test_a_part_is_not_waited_for_before_it_is_applied(machine: Machine) -> None:
    """Two operators share a namespace: what half of one does there must not keep a second try from its other half."""
    start()
    asked = machine.asked()
    waits = [number for number, line in enumerate(asked) if "rollout status -n rabbitmq-system" in line]
    assert [asked[number].split("deployment/")[1].split()[0] for number in waits] == [
        "cluster-operator",
        "messaging-topology-operator-with-certmanager",
    ]
    assert waits[0] < position(asked, "messaging-topology-operator-with-certmanager.yaml") < waits[1]


def test_a_part_without_anything_to_wait_for_is_a_sentence(machine: Machine) -> None:
    """A file that says it in another way must not let the next part begin too early."""
    for file in (machine.folder / "manifests").rglob("kourier.yaml"):
        file.write_text(file.read_text().replace("kind: Deployment", 'kind: "Deployment"'))
    with pytest.raises(Problem, match="has no Deployment to wait for"):
        start()


@pytest.mark.platforms
def test_a_word_that_kubectl_does_not_know_is_caught(checked: Machine) -> None:
    kubectl = Kubectl("kubectl", kind.CONTEXT)
    with pytest.raises(Problem, match="unknown flag"):
        kubectl.run("wait", "--forever")


def test_a_second_time_nothing_is_made_anew(machine: Machine) -> None:
    start()
    machine.forget()
    start()
    asked = machine.asked()
    assert not [line for line in asked if "create cluster" in line or " create -f" in line]
    assert position(asked, "apply --server-side --force-conflicts -k")


@pytest.mark.parametrize(
    ("words", "message", "sentence"),
    [
        ("docker info", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Start it"),
        ("docker info", "permission denied while trying to connect to the Docker API", "group docker"),
        ("docker build", "failed to do request: dial tcp: lookup registry-1.docker.io: no such host", "the internet"),
        ("docker build", "toomanyrequests: You have reached your pull rate limit.", "docker login"),
        ("kind create", "failed to create cluster: could not find a log line", "./local/cluster/down"),
        ("kubectl --context kind-mp3converter apply", "The connection to the server x was refused", "Is it running?"),
        ("rollout status -n cert-manager", "error: timed out waiting for the condition", "cert-manager"),
    ],
)
def test_trouble_becomes_a_sentence(machine: Machine, words: str, message: str, sentence: str) -> None:
    machine.breaks(words, message)
    with pytest.raises(Problem) as caught:
        start()
    assert message.splitlines()[0] in str(caught.value)
    assert sentence in str(caught.value)


def test_half_of_the_secrets_is_no_start(machine: Machine) -> None:
    start()
    secrets = machine.folder / "secrets"
    secrets.write_text("---\n".join(secrets.read_text().split("---\n")[1:]))
    with pytest.raises(Problem, match="Only some of the Secrets"):
        start()


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, ""),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "message": "0/1 nodes: Insufficient memory"}]},
            "0/1 nodes: Insufficient memory",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [
                    {"name": "mysql", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}}
                ],
            },
            "mysql ImagePullBackOff no such host",
        ),
    ],
)
def test_why_a_pod_is_not_ready(status: dict[str, object], why: str) -> None:
    assert _why(status) == why


def test_what_is_applied_is_the_dev_overlay_with_the_images_just_built(machine: Machine) -> None:
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    items = objects(knative.overlay(built, PORT, machine.folder / "overlay"))
    assert len(items) == len(objects(KNATIVE / "overlays" / "dev"))
    found = {
        part["image"]
        for item in items
        if item["kind"] == "Service" and "template" in item["spec"]
        for part in item["spec"]["template"]["spec"]["containers"]
    }
    assert found == set(built.values())


def test_links_lead_to_the_door_that_is_opened(machine: Machine) -> None:
    """In every function that makes one: its ConfigMap's name ends in a hash of what it holds."""
    items = objects(knative.overlay({"login": "x:1"}, PORT, machine.folder / "overlay"))
    makers = [item for item in services(items) if item["metadata"]["name"] in ("upload", "notify")]
    assert [environment(item, items)["PUBLIC_URL"] for item in makers] == [f"http://localhost:{PORT}/{{function}}"] * 2


def test_openfaas_gets_what_it_lacks(machine: Machine) -> None:
    items = objects(openfaas_steps.overlay("localhost:5001/mp3converter/connector:dev-abc", machine.folder / "overlay"))
    for check in (
        schemas.complaints,
        admission.complaints,
        references.complaints,
        topology.complaints,
        operation.pods_complaints,
    ):
        assert check(items) == []
    assert not [item for item in items if item["kind"] in ("RabbitmqSource", "PingSource", "NetworkPolicy")]


def test_openfaas_is_given_every_secret_and_image(machine: Machine) -> None:
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    file = openfaas_steps.stack(built, 8080, machine.folder / "stack.yml")
    functions = yaml.safe_load(file.read_text())["functions"]
    assert {name: function["image"] for name, function in functions.items()} == built
    assert {name for function in functions.values() for name in function["secrets"]} == set(openfaas_steps.SECRETS)


def test_each_part_is_pinned() -> None:
    for part in (*versions.KNATIVE, versions.OPENFAAS):
        assert all(part.version in manifest.url and "latest" not in manifest.url for manifest in part.manifests)
    assert "@sha256:" in versions.NODE


@pytest.mark.platforms
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("up", "Docker's engine does not answer"),
        ("down", "Docker's engine does not answer"),
        ("up --current", "kubectl knows no cluster"),
        ("up --openfaas", "faas-cli"),
    ],
)
def test_the_command_on_a_machine_without_an_engine(command: str, sentence: str, tmp_path: Path) -> None:
    """The real programs, with nothing to reach."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, real in (("docker", shutil.which("docker")), ("kind", str(programs.kind()))):
        if real:
            (place / name).symlink_to(real)
    environment = {
        **os.environ,
        "PATH": f"{place}:/usr/bin:/bin",
        "DOCKER_HOST": f"unix://{tmp_path}/none",
        "KUBECONFIG": str(tmp_path / "none"),
        "LOCAL_HOME": str(tmp_path / "home"),
    }
    words = [f"./local/cluster/{command.split()[0]}", *command.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    expected = sentence if (place / "docker").exists() or "engine" not in sentence else "docker is missing"
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.platforms
def test_the_real_kind_says_what_becomes_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
    with pytest.raises(Problem) as caught:
        kind.exists(str(programs.kind()))
    assert caught.value.args


def test_a_user_cannot_be_added_where_nothing_answers() -> None:
    with pytest.raises(Problem, match="login does not answer"):
        system.add_user("http://127.0.0.1:9/login", "token")


def test_a_door_that_does_not_open_is_a_sentence(machine: Machine) -> None:
    door = system.Door("mp3converter", "gateway", 80, 18_999)
    with (
        pytest.raises(Problem, match="could not carry port 18999"),
        system.open_doors(Kubectl(str(machine.folder / "bin" / "kubectl"), kind.CONTEXT), door),
    ):
        pytest.fail("the door is open")


@pytest.mark.platforms
def test_the_real_faas_cli_takes_what_it_is_given(machine: Machine) -> None:
    """It builds nothing, since that is done, and only finds no gateway to deploy to."""
    (machine.folder / "template" / "dockerfile").mkdir(parents=True)
    (machine.folder / "template" / "dockerfile" / "template.yml").write_text("language: dockerfile\n")
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    file = openfaas_steps.stack(built, 8080, machine.folder / "stack.yml")
    command = [str(faas_cli()), "up", "--gateway=http://127.0.0.1:9", "--skip-push", "-f", str(file)]
    done = subprocess.run(command, cwd=machine.folder, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert said.count("Skipping build of") == len(built)
    assert "127.0.0.1:9" in said
    assert "unknown" not in said
