"""Every query of the dashboard and the alerts, run on a real Prometheus that scrapes the real functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from functions.common import errors
from functions.common.transitions import TABLE
from local import stack_file
from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.waiting import until, until_gone
from tests.e2e.conftest import Person, Urls, through
from tests.local.commands import free_port
from tests.local.private import PrivateStack
from tests.local.vhosts import rabbitmqctl
from tests.manifests.building import KNATIVE, objects
from tests.manifests.objects import services
from tests.media.another import another_file
from tests.media.videos import silent_video, tone_video
from tests.observability import files, pods
from tests.observability.server import Prometheus, running
from tests.tools import prometheus

SECONDS = 60
PLUGIN = "rabbitmq_prometheus"
CODES = {kind.code for kind in vars(errors).values() if isinstance(kind, errors.Kind)}
STATES = {
    "receiving",
    "ready",
    "converting",
    "aborted",
    "deleting",
    "none",
    "claimed",
    "handing_over",
    "unknown",
    "failed",
}
LABELS = {
    "function": set(stack_file.functions()),
    "method": {"GET", "HEAD", "POST", "PUT", "DELETE", "other"},
    "transition": {row.name for row in TABLE},
    "code": CODES,
    "state": STATES,
    "outcome": {"done", "failed", "again", "lost", "published"},
    "bucket": {"videos", "mp3s"},
    "direction": {"read", "written"},
    "wait": {"events", "end"},
    "trouble": {"repairs_failed", "not_mended"},
}
NUMBERS = {"le": re.compile(r"[0-9.]+|\+Inf"), "status": re.compile(r"[1-5][0-9][0-9]")}
MOST_SERIES = 400  # of one function


@pytest.fixture(scope="module")
def broker_metrics(stack: PrivateStack) -> int:
    """The port of RabbitMQ's own metrics, served by its plugin."""
    port = free_port()
    file = Path(stack.program("rabbitmq")[1]["RABBITMQ_ENABLED_PLUGINS_FILE"])
    file.write_text(f"[{PLUGIN}].\n")
    # What `rabbitmq-plugins enable` does, in one start of Erlang together with the setting.
    listener = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    # Persistent, because RabbitMQ 4 loads the plugin's own defaults afterwards.
    setting = f"application:set_env({PLUGIN}, tcp_config, {listener}, [{{persistent, true}}])"
    told = rabbitmqctl(stack.home, "eval", f'{setting}, rabbit_plugins:ensure("{file}").')
    assert PLUGIN in told, told
    file.write_text("[].\n")  # the setting does not outlive the broker, so neither must the plugin
    return port


@pytest.fixture(scope="module")
def server(stack: PrivateStack, broker_metrics: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes all functions and the broker."""
    try:
        program = prometheus.program("prometheus")
    except prometheus.NotFound as error:
        pytest.fail(str(error))
    base = {item["metadata"]["name"]: item for item in services(objects(KNATIVE / "base"))}
    targets = [
        {"targets": [urlsplit(url).netloc], "labels": pods.discovered(pods.on_knative(base[name]))}
        for name, url in stack.functions.items()
    ]
    jobs: list[dict[str, Any]] = [
        {
            "job_name": "mp3converter",
            "metrics_path": "/_/metrics",
            "honor_labels": True,
            "static_configs": targets,
            "relabel_configs": files.scraped("mp3converter")["relabel_configs"],
            "authorization": {"credentials_file": str(stack.secret_file("metrics_token"))},
        },
        {
            "job_name": "rabbitmq",
            "metrics_path": "/metrics/detailed",
            "params": {"family": ["queue_coarse_metrics"], "vhost": ["mp3converter"]},
            "static_configs": [{"targets": [f"127.0.0.1:{broker_metrics}"]}],
        },
    ]
    with running(program, tmp_path_factory.mktemp("prometheus"), free_port(), jobs) as server:
        until_gone(server.unread, "targets to be read", SECONDS)
        yield server


@pytest.fixture(scope="module")
def busy(
    server: Prometheus, stack: PrivateStack, owner: Person, inspector: Inspector, mailbox: Mailbox, videos: Path
) -> Prometheus:
    """The same after some traffic: a conversion, a video without sound, refusals, and an unavailable database."""
    url: Urls = through("gateway", stack)
    # A rate needs an earlier sample.
    until(lambda: server.values("min(count_over_time(up[1m])) > 2"), "every target to be read twice", SECONDS)
    fid = web.uploaded(url("upload"), owner.token, another_file(tone_video(videos)))
    mute = web.uploaded(url("upload"), owner.token, silent_video(videos))
    inspector.done(fid)
    assert inspector.ended(mute)["state"] == "failed"
    mailbox.about(fid, owner.email)
    mailbox.about(mute, owner.email)
    assert web.download(url("download"), owner.token, fid).status == 200
    assert web.call("POST", url("login"), headers=web.basic(owner.email, "wrong")).status == 401
    stack.stop("mariadb")
    try:
        assert web.call("POST", url("login"), headers=web.basic(owner.email, owner.password)).status == 503
    finally:
        stack.start("mariadb")
    return server


@pytest.mark.parametrize("query", files.shown().values(), ids=files.shown().keys())
def test_every_panel_of_the_dashboard_has_data(query: str, busy: Prometheus) -> None:
    """No panel is empty."""
    until(lambda: busy.values(query), query)


SELECTORS = sorted({one for rule in files.alerts().values() for one in files.selectors(rule["expr"])})


@pytest.mark.parametrize("selector", SELECTORS)
def test_every_metric_in_an_alert_exists(selector: str, busy: Prometheus) -> None:
    """No alert depends on a metric or a label value that no function exports."""
    until(lambda: busy.values(f"count({selector})"), selector)


def test_the_alerts_are_valid_and_silent(busy: Prometheus) -> None:
    """On a healthy system no alert fires."""

    def evaluated() -> bool:
        groups = busy.get("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert {rule["name"] for rule in rules} == set(files.alerts())
        return all(rule["health"] == "ok" for rule in rules)

    until(evaluated, "the rules to be evaluated")
    assert busy.get("query", query='ALERTS{alertstate="firing"}')["result"] == []


def test_the_numbers_are_right(busy: Prometheus, stack: PrivateStack) -> None:
    """The metrics match what happened."""
    for query in (
        'mp3converter_conversion_duration_seconds_count{outcome="done"} >= 1',
        'mp3converter_conversion_failures_total{code="no_audio"} >= 1',
        "mp3converter_audio_seconds_total >= 2.9",
        'mp3converter_transitions_total{function="notify",transition="mail_sent"} >= 2',
        'http_requests_total{function="login",method="POST",status="503"} >= 1',
        'mp3converter_file_bytes_total{function="download",bucket="mp3s",direction="read"} > 10000',
        'mp3converter_jobs{state="ready"} == 0',
        "mp3converter_time_to_mail_seconds_count >= 1",
    ):
        until(partial(busy.values, query), query)


@pytest.mark.attack("S10")
@pytest.mark.parametrize("function", sorted(LABELS["function"]))
def test_labels_are_bounded(function: str, busy: Prometheus, stack: PrivateStack) -> None:
    """Every label value comes from a fixed set: no id, no address, nothing chosen by a client."""
    requests.request("BREW", stack.functions[function], timeout=10)
    requests.get(f"{stack.functions[function]}/0b5f1c9e-7d0f-4b0e-9a59-5d8f0b1f7a11?x=a@example.org", timeout=10)
    token = web.bearer(stack.secret("metrics_token"))
    answer = requests.get(f"{stack.functions[function]}/_/metrics", headers=token, timeout=10)
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    assert 0 < len(samples) < MOST_SERIES
    for sample in samples:
        for label, value in sample.labels.items():
            known = NUMBERS[label].fullmatch(value) if label in NUMBERS else value in LABELS[label]
            assert known, sample
