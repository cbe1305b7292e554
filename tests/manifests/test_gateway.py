"""The gateway of a cluster routes public URLs to the functions' hosts, and nothing to private functions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.web import answers
from tests.clients.waiting import until
from tests.local.commands import free_port
from tests.manifests.building import KNATIVE, ROOT, objects
from tests.manifests.objects import container, of_kind, one, services
from tests.manifests.settings import environment, settings_of

GATEWAY = KNATIVE / "components" / "gateway"


@pytest.fixture(scope="module")
def routes() -> list[dict[str, Any]]:
    """The routes, as Caddy parses the file."""
    command = [shutil.which("caddy") or "caddy", "adapt", "--config", str(GATEWAY / "Caddyfile")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr
    (server,) = json.loads(result.stdout)["apps"]["http"]["servers"].values()
    assert server["listen"] == [":8080"]
    return list(server["routes"])


def test_the_public_functions_and_no_others(routes: list[dict[str, Any]]) -> None:
    text = json.dumps(routes)
    services = of_kind(objects(KNATIVE / "base"), "Service.serving.knative.dev")
    for item in services:
        name, labels = item["metadata"]["name"], item["metadata"]["labels"]
        host = f"{name}.{item['metadata']['namespace']}.svc.cluster.local"
        private = "networking.knative.dev/visibility" in labels
        assert (f'"dial": "{host}:80"' in text) != private
        assert (f'"Host": ["{host}"]' in text) != private


def test_its_own_errors_are_those_of_the_gateway_on_one_machine() -> None:
    """Which tests/local sees."""
    here, there = (
        file.read_text().partition("handle_errors")[2]
        for file in (GATEWAY / "Caddyfile", ROOT / "local" / "gateway" / "Caddyfile")
    )
    assert here == there
    assert "X-Request-Id" in here


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway on this machine, with no function behind it."""
    folder, port = tmp_path_factory.mktemp("gateway"), free_port()
    configuration = folder / "Caddyfile"
    configuration.write_text(
        (GATEWAY / "Caddyfile").read_text().replace("http://:8080 {", f"http://127.0.0.1:{port} {{")
    )
    command = ["caddy", "run", "--config", str(configuration), "--adapter", "caddyfile"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "log").open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as caddy:
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the gateway to answer")
            yield f"http://127.0.0.1:{port}"
        finally:
            caddy.terminate()


@pytest.mark.parametrize(
    ("path", "accepted", "status", "location"),
    [
        ("/", "text/html,*/*;q=0.8", 303, "page/"),
        ("/", "*/*", 404, None),
        ("/page", "text/html", 308, "page/"),
        ("/function/page", "*/*", 308, "page/"),
        ("/function/page.mp3converter", "*/*", 308, "page.mp3converter/"),
        ("/pages", "text/html", 404, None),
    ],
)
def test_a_browser_is_led_to_the_page(
    gateway: str, path: str, accepted: str, status: int, location: str | None
) -> None:
    headers = {"Accept": accepted}
    answer = requests.get(f"{gateway}{path}", headers=headers, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers.get("Location")) == (status, location)


def test_the_pod_uses_this_file_and_the_services_port() -> None:
    items = objects(KNATIVE / "overlays" / "dev")
    deployment = one(items, "Deployment.apps", "gateway")
    volume = next(entry for entry in deployment["spec"]["template"]["spec"]["volumes"] if "configMap" in entry)
    (configuration,) = [
        item for item in of_kind(items, "ConfigMap") if item["metadata"]["name"] == volume["configMap"]["name"]
    ]
    assert configuration["data"]["Caddyfile"] == (GATEWAY / "Caddyfile").read_text()
    assert container(deployment)["ports"][0]["containerPort"] == 8080


def test_production_has_its_own_address() -> None:
    """In every function that creates public links."""
    items = objects(KNATIVE / "overlays" / "production")
    makers = [item for item in services(items) if "PUBLIC_URL" in settings_of(item["metadata"]["name"])]
    assert makers
    assert {environment(item, items)["PUBLIC_URL"] for item in makers} == {"https://mp3.example.com/{function}"}
