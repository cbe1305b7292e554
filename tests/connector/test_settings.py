"""A connector with an invalid setting names the setting, and never prints its value."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from functions.common import config
from functions.connector.settings import Connector, Queue, queues
from tests.connector.conftest import Start
from tests.connector.sink import Sink

SINKS = "videos=http://convert.test/ mp3s=https://notify.test/x?y=z"


def read(**environ: str) -> list[Queue]:
    return queues(config.load(Connector, {"CONNECTOR_SINKS": SINKS} | environ))


def test_each_queue_has_its_sink_and_its_numbers() -> None:
    assert read(CONNECTOR_PARALLELISM="videos=2", CONNECTOR_PREFETCH="videos=3 mp3s=7") == [
        Queue("videos", "http://convert.test/", 2, 3),
        Queue("mp3s", "https://notify.test/x?y=z", 1, 7),
    ]


def test_one_number_is_for_all_queues_and_prefetch_follows_parallelism() -> None:
    assert [(queue.parallelism, queue.prefetch) for queue in read(CONNECTOR_PARALLELISM="3")] == [(3, 3), (3, 3)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECTOR_SINKS", ""),
        ("CONNECTOR_SINKS", "sesame"),
        ("CONNECTOR_SINKS", "videos=ftp://sesame/"),
        ("CONNECTOR_SINKS", "videos=http://sesame:port/"),
        ("CONNECTOR_SINKS", "videos=http://sesame/ videos=http://sesame/"),
        ("CONNECTOR_PARALLELISM", "0"),
        ("CONNECTOR_PARALLELISM", "videos=sesame"),
        ("CONNECTOR_PARALLELISM", "videos=2 other=2"),
        ("CONNECTOR_PREFETCH", "sesame"),
        ("CONNECTOR_PREFETCH", "70000"),
        ("CONNECTOR_RETRY", "-1"),
        ("CONNECTOR_BACKOFF_SECONDS", "sesame"),
        ("CONNECTOR_BACKOFF_POLICY", "sesame"),
        ("CONNECTOR_CALL_TIMEOUT_SECONDS", "sesame"),
        ("CONNECTOR_GRACE_SECONDS", "sesame"),
        ("CONNECTOR_HEALTH_PORT", "70000"),
        ("SWEEP_URL", "sesame"),
        ("SWEEP_EVERY_SECONDS", "0"),
    ],
)
def test_a_malformed_setting_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=f"^{name} ") as raised:
        read(**{name: value})
    assert "sesame" not in str(raised.value)


def test_a_connector_must_hold_as_much_as_it_works_on() -> None:
    with pytest.raises(config.ConfigError, match=r"^CONNECTOR_PREFETCH "):
        read(CONNECTOR_PARALLELISM="3", CONNECTOR_PREFETCH="2")


@pytest.mark.parametrize(
    "url",
    ["", "http://guest:sesame@localhost/", "amqp://guest:sesame@localhost/?heartbeat=sesame", "amqp://h/?a=sesame"],
)
def test_the_process_ends_at_once_with_a_line_that_names_the_setting(start: Start, url: str) -> None:
    connector = start(RABBITMQ_URL=url, CONNECTOR_SINKS=SINKS)
    assert connector.ended() == 1
    assert connector.lines("RABBITMQ_URL ")
    assert "sesame" not in connector.text


def test_the_url_may_be_in_a_file(start: Start, tmp_path: Path) -> None:
    connector = start(RABBITMQ_URL="", RABBITMQ_URL_FILE=tmp_path / "missing", CONNECTOR_SINKS=SINKS)
    assert connector.ended() == 1
    assert connector.lines("RABBITMQ_URL cannot be read")


def test_a_health_port_that_is_taken_is_named(start: Start) -> None:
    with closing(Sink()) as sink:
        port = sink.url.rstrip("/").rpartition(":")[2]
        connector = start(CONNECTOR_SINKS=SINKS, CONNECTOR_HEALTH_PORT=port, HOST="127.0.0.1")
        assert connector.ended() == 1
        assert connector.lines("cannot listen on CONNECTOR_HEALTH_PORT")
