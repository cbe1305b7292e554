"""A connector with an invalid setting names the setting, and never prints its value."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.connector.conftest import Start
from tests.connector.sink import Sink

SINKS = "videos=http://convert.test/ mp3s=https://notify.test/x?y=z"


@pytest.mark.parametrize(
    "url",
    ["", "http://guest:sesame@localhost/", "amqp://guest:sesame@localhost/?heartbeat=sesame", "amqp://h/?a=sesame"],
)
def test_the_process_ends_at_once_and_names_the_setting(start: Start, url: str) -> None:
    connector = start(RABBITMQ_URL=url, CONNECTOR_SINKS=SINKS)
    assert connector.ended() == 1
    assert connector.lines("RABBITMQ_URL ")
    assert "sesame" not in connector.text


def test_the_url_may_be_in_a_file(start: Start, tmp_path: Path) -> None:
    connector = start(RABBITMQ_URL="", RABBITMQ_URL_FILE=tmp_path / "missing", CONNECTOR_SINKS=SINKS)
    assert connector.ended() == 1
    assert connector.lines("RABBITMQ_URL cannot be read")


def test_a_used_health_port_is_named(start: Start) -> None:
    with closing(Sink()) as sink:
        port = sink.url.rstrip("/").rpartition(":")[2]
        connector = start(CONNECTOR_SINKS=SINKS, CONNECTOR_HEALTH_PORT=port, HOST="127.0.0.1")
        assert connector.ended() == 1
        assert connector.lines("cannot listen on CONNECTOR_HEALTH_PORT")
