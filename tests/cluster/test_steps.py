"""./local/cluster/up with stand-ins instead of a cluster: the order of its steps, repeating it, and its errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from local.cluster import cluster, credentials, domain, images, kind, knative, openfaas_steps, parts, system
from local.cluster.kubectl import Kubectl
from local.cluster.versions import KNATIVE as KNATIVE_PARTS
from local.cluster.versions import OPENFAAS
from local.home import ROOT
from local.problem import Problem
from local.progress import Progress
from tests.cluster.conftest import StandIns
from tests.manifests import admission, operation, references, schemas, topology
from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import container, jobs, pods, services
from tests.manifests.settings import environment, settings_of
from tests.tools import programs
from tests.tools.faas_cli import faas_cli

PORT = 18_080


def start(wanted: str = "") -> None:
    """Run what the command does, except the final tests."""
    target = cluster.own(with_registry=False)
    knative.start(target, parts.decide(target.kubectl, KNATIVE_PARTS, own=True), Progress(), PORT, wanted)


def position(calls: list[str], words: str) -> int:
    """Return the position of the first command line with these words."""
    return next(number for number, line in enumerate(calls) if words in line)


@pytest.mark.platforms
def test_the_steps_are_in_order(checked_stand_ins: StandIns) -> None:
    """The real docker, kind and kubectl accept each command line, and only have nothing to reach."""
    start()
    calls = checked_stand_ins.calls()
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
        "patch configmap/config-domain",
        "create -f -",
        "delete jobs.batch -n mp3converter -l app.kubernetes.io/name=migrate",
        "apply --server-side --force-conflicts -k",
        "rollout status -n mp3converter statefulset/mongodb",
        "queues.rabbitmq.com",
        "get jobs.batch",
        "services.serving.knative.dev",
        "rabbitmqsources.sources.knative.dev",
    ]
    found = [position(calls, step) for step in steps]
    assert found == sorted(found)
    assert sum("docker build" in line for line in calls) == len(images.functions())


def test_a_part_is_not_waited_for_before_it_is_applied(stand_ins: StandIns) -> None:
    """Two operators share a namespace: a half-installed second one must not block the first one when up is repeated."""
    start()
    calls = stand_ins.calls()
    waits = [number for number, line in enumerate(calls) if "rollout status -n rabbitmq-system" in line]
    assert [calls[number].split("deployment/")[1].split()[0] for number in waits] == [
        "cluster-operator",
        "messaging-topology-operator-with-certmanager",
    ]
    assert waits[0] < position(calls, "messaging-topology-operator-with-certmanager.yaml") < waits[1]


def test_a_part_without_a_deployment_is_reported(stand_ins: StandIns) -> None:
    """A Deployment in an unexpected format must not let the next part start too early."""
    for file in (stand_ins.folder / "manifests").rglob("kourier.yaml"):
        file.write_text(file.read_text().replace("kind: Deployment", 'kind: "Deployment"'))
    with pytest.raises(Problem, match="has no Deployment to wait for"):
        start()


@pytest.mark.platforms
def test_an_option_that_kubectl_does_not_have_is_reported(checked_stand_ins: StandIns) -> None:
    kubectl = Kubectl("kubectl", kind.CONTEXT)
    with pytest.raises(Problem, match="unknown flag"):
        kubectl.run("wait", "--forever")


def test_repeating_creates_nothing_again(stand_ins: StandIns) -> None:
    start()
    stand_ins.clear()
    start()
    calls = stand_ins.calls()
    assert not [line for line in calls if "create cluster" in line or " create -f" in line]
    assert position(calls, "apply --server-side --force-conflicts -k")


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        ("docker info", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Start it"),
        ("docker info", "permission denied while trying to connect to the Docker API", "group docker"),
        (
            "docker build",
            "failed to do request: dial tcp: lookup registry-1.docker.io: no such host",
            "internet connection",
        ),
        ("docker build", "toomanyrequests: You have reached your pull rate limit.", "docker login"),
        ("kind create", "failed to create cluster: could not find a log line", "./local/cluster/down"),
        ("kubectl --context kind-mp3converter apply", "The connection to the server x was refused", "Is it running?"),
        ("rollout status -n cert-manager", "error: timed out waiting for the condition", "cert-manager"),
    ],
)
def test_an_error_comes_with_advice(stand_ins: StandIns, words: str, message: str, advice: str) -> None:
    stand_ins.fail(words, message)
    with pytest.raises(Problem) as caught:
        start()
    assert message.splitlines()[0] in str(caught.value)
    assert advice in str(caught.value)


def test_a_missing_secret_is_reported(stand_ins: StandIns) -> None:
    start()
    secrets = stand_ins.folder / "secrets"
    secrets.write_text("---\n".join(secrets.read_text().split("---\n")[1:]))
    with pytest.raises(Problem, match="Only some of the Secrets"):
        start()


def test_secrets_of_an_earlier_version_are_reported(stand_ins: StandIns) -> None:
    """Before the functions, which would not start."""
    start()
    (stand_ins.folder / "secret-login").write_text(json.dumps({"data": {"metrics-token": ""}}))
    stand_ins.clear()
    with pytest.raises(
        Problem, match=r"login lacks jwt-private-key; .*login lacks smtp-url\. knative/README\.md, Upgrade"
    ):
        start()
    assert not [line for line in stand_ins.calls() if " apply " in line and "overlay" in line]


def test_tables_that_cannot_be_brought_up_to_date_are_reported(stand_ins: StandIns) -> None:
    """With the end of the log, before functions are waited for; what fails is deleted when the command is repeated."""
    (stand_ins.folder / "job").write_text("Failed")
    (stand_ins.folder / "log").write_text("MySQL is unavailable.\n")
    for _ in range(2):
        with pytest.raises(Problem, match=r"could not be brought up to date\. .*Upgrade.*\n    MySQL is unavailable\."):
            start()
        calls = stand_ins.calls()
        assert not [line for line in calls if "services.serving.knative.dev" in line]
    deleted = [number for number, line in enumerate(calls) if " delete jobs.batch " in line]
    assert len(deleted) == 2
    assert "apply" in calls[deleted[1] + 1]


def test_a_migration_that_takes_too_long_is_reported(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    (stand_ins.folder / "job").write_text("neither")
    (stand_ins.folder / "log").write_text("")
    stand_ins.fail(" logs ", "the container is waiting to start")
    monkeypatch.setattr(system, "READY_SECONDS", 0)
    with pytest.raises(Problem, match=r"are not yet up to date\. .*\nAll pods in mp3converter are ready"):
        system.wait_for_migration(Kubectl("kubectl", kind.CONTEXT))


def test_the_dev_overlay_is_applied_with_the_built_images(stand_ins: StandIns) -> None:
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    items = objects(knative.overlay(built, PORT, stand_ins.folder / "overlay"))
    assert len(items) == len(objects(KNATIVE / "overlays" / "dev"))
    found = {
        part["image"]
        for item in items
        if item["kind"] == "Service" and "template" in item["spec"]
        for part in item["spec"]["template"]["spec"]["containers"]
    }
    assert found == set(built.values())
    (job,) = jobs(items)
    assert container(job)["image"] == built["login"]


@pytest.mark.parametrize(
    ("wanted", "config", "patch"),
    [
        ("", {}, {"127.0.0.1.sslip.io": domain.RULE}),
        ("mp3.example.com", {}, {"mp3.example.com": domain.RULE}),
        ("mp3.example.com", {"example.com": ""}, {"mp3.example.com": domain.RULE}),
        ("", {"example.com": ""}, None),
    ],
)
def test_the_functions_get_a_domain(
    wanted: str, config: dict[str, str], patch: dict[str, str] | None, stand_ins: StandIns
) -> None:
    """The given one, else the one that the cluster has, else one of this machine."""
    (stand_ins.folder / "configmap-config-domain").write_text(json.dumps({"data": config}))
    start(wanted)
    patches = [
        json.loads(line.split(" -p ")[1]) for line in stand_ins.calls() if "patch configmap/config-domain" in line
    ]
    assert patches == ([{"data": patch}] if patch else [])


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("", ""),
        ("192.0.2.7", "192.0.2.7.sslip.io"),
        ("2001:db8::7", "2001-0db8-0000-0000-0000-0000-0000-0007.sslip.io"),
    ],
)
def test_in_another_cluster_the_domain_is_made_of_the_ingresss_address(
    address: str, found: str, stand_ins: StandIns
) -> None:
    (stand_ins.folder / "service-kourier").write_text(address)
    assert domain.choose(Kubectl("kubectl", kind.CONTEXT), "", own=False) == found


def test_a_cluster_without_a_domain_and_an_address_is_told(
    stand_ins: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    found = cluster.Cluster(Kubectl("kubectl", kind.CONTEXT), "registry.example.com/you")
    knative.start(found, [], Progress(), PORT)
    assert "run this command again with --domain" in capsys.readouterr().out
    assert not [line for line in stand_ins.calls() if "patch configmap/config-domain" in line]


def test_links_point_to_the_forwarded_gateway(stand_ins: StandIns) -> None:
    """In every function that makes links, and in no other."""
    items = objects(knative.overlay({"login": "x:1"}, PORT, stand_ins.folder / "overlay"))
    for item in services(items):
        url = environment(item, items).get("PUBLIC_URL")
        makes_links = "PUBLIC_URL" in settings_of(item["metadata"]["name"])
        assert url == (f"http://localhost:{PORT}/{{function}}" if makes_links else None)


def test_openfaas_gets_backends_and_a_connector(stand_ins: StandIns) -> None:
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in [*images.functions(), "connector"]}
    items = objects(openfaas_steps.overlay(built, stand_ins.folder / "overlay"))
    found = {container(item)["image"] for item, _ in pods(items) if item["kind"] != "StatefulSet"}
    assert {built["connector"], built["login"]} == {image for image in found if "mp3converter" in image}
    for check in (schemas.errors, admission.errors, references.errors, topology.errors, operation.pods_errors):
        assert check(items) == []
    assert not [item for item in items if item["kind"] in ("RabbitmqSource", "PingSource", "NetworkPolicy")]


def test_an_openfaas_that_is_left_only_gets_its_settings(stand_ins: StandIns) -> None:
    decision = parts.Decision(OPENFAAS, False, "leave (newer: 0.19.0)")
    ((what, change),) = openfaas_steps.changes([decision])
    assert (what, change) == ("OpenFaaS's gateway", f"set {', '.join(openfaas_steps.SETTINGS)}")
    openfaas_steps._install(Kubectl("kubectl", kind.CONTEXT), decision, Progress())
    setting, waiting = stand_ins.calls()
    assert setting.endswith(f"set env -n openfaas deployment/gateway {' '.join(openfaas_steps.SETTINGS)}")
    assert "rollout status -n openfaas deployment/gateway" in waiting


def test_openfaas_gets_every_secret_and_image(stand_ins: StandIns) -> None:
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    file = openfaas_steps.stack(built, 8080, stand_ins.folder / "stack.yml")
    functions = yaml.safe_load(file.read_text())["functions"]
    assert {name: function["image"] for name, function in functions.items()} == built
    sources = openfaas_steps.secret_sources()
    assert {name for function in functions.values() for name in function["secrets"]} == set(sources)
    made = credentials.make_for_openfaas("h/d", "h/d", "r", "smtp://r")
    there = {
        (key, (secret["metadata"]["namespace"], secret["metadata"]["name"]))
        for secret in made
        for key in secret["stringData"]
    }
    assert sources.items() <= there


@pytest.mark.parametrize("key", ["event-token", "rabbitmq-url"])
def test_a_connector_of_an_earlier_version_gets_the_token_of_events(key: str, stand_ins: StandIns) -> None:
    """Once, and not on a command line."""
    (stand_ins.folder / "secret-rabbitmq-connector").write_text(json.dumps({"data": {key: ""}}))
    openfaas_steps.add_event_token(Kubectl("kubectl", "x"))
    patch = stand_ins.folder / "patch"
    assert patch.exists() == (key != "event-token")
    if patch.exists():
        (token,) = json.loads(patch.read_text())["stringData"].values()
        assert len(token) >= 32
        assert not any(token in line for line in stand_ins.calls())


@pytest.mark.platforms
@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("up", "Docker's engine does not answer"),
        ("down", "Docker's engine does not answer"),
        ("up --current", "kubectl has no current cluster"),
        ("up --openfaas", "faas-cli"),
    ],
)
def test_without_docker_and_a_cluster_the_command_reports_an_error(command: str, error: str, tmp_path: Path) -> None:
    """With the real programs, which have nothing to reach."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, real in (("docker", shutil.which("docker")), ("kind", str(programs.kind()))):
        if real:
            (bin_folder / name).symlink_to(real)
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:/usr/bin:/bin",
        "DOCKER_HOST": f"unix://{tmp_path}/none",
        "KUBECONFIG": str(tmp_path / "none"),
        "LOCAL_HOME": str(tmp_path / "home"),
    }
    words = [f"./local/cluster/{command.split()[0]}", *command.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    expected = error if (bin_folder / "docker").exists() or "engine" not in error else "docker is missing"
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.platforms
def test_an_error_of_the_real_kind_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
    with pytest.raises(Problem) as caught:
        kind.exists(str(programs.kind()))
    assert caught.value.args


def test_adding_a_user_without_a_server_is_reported() -> None:
    with pytest.raises(Problem, match="login does not answer"):
        system.add_user("http://127.0.0.1:9/login", "token")


def test_a_failed_port_forward_is_reported(stand_ins: StandIns) -> None:
    forward = system.PortForward("mp3converter", "gateway", 80, 18_999)
    with (
        pytest.raises(Problem, match="could not forward port 18999"),
        system.forward_ports(Kubectl(str(stand_ins.folder / "bin" / "kubectl"), kind.CONTEXT), forward),
    ):
        pytest.fail("the port was forwarded")


@pytest.mark.platforms
def test_the_real_faas_cli_accepts_the_command(stand_ins: StandIns) -> None:
    """It skips the builds, and then finds no gateway to deploy to."""
    (stand_ins.folder / "template" / "dockerfile").mkdir(parents=True)
    (stand_ins.folder / "template" / "dockerfile" / "template.yml").write_text("language: dockerfile\n")
    built = {name: f"localhost:5001/mp3converter/{name}:dev-abc" for name in images.functions()}
    file = openfaas_steps.stack(built, 8080, stand_ins.folder / "stack.yml")
    command = [str(faas_cli()), "up", "--gateway=http://127.0.0.1:9", "--skip-push", "-f", str(file)]
    done = subprocess.run(command, cwd=stand_ins.folder, capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert output.count("Skipping build of") == len(built)
    assert "127.0.0.1:9" in output
    assert "unknown" not in output
