"""The connector's settings: each queue has its sink and its numbers; errors name a setting without its value."""

from __future__ import annotations

import pytest

from functions.common import config
from functions.connector.settings import Connector, Queue, queues

SINKS = "videos=http://convert.test/ mp3s=https://notify.test/x?y=z"


def read(**environ: str) -> list[Queue]:
    return queues(config.load(Connector, {"CONNECTOR_SINKS": SINKS} | environ))


def test_each_queue_has_its_sink_and_its_numbers() -> None:
    assert read(CONNECTOR_PARALLELISM="videos=2", CONNECTOR_PREFETCH="videos=3 mp3s=7") == [
        Queue("videos", "http://convert.test/", 2, 3),
        Queue("mp3s", "https://notify.test/x?y=z", 1, 7),
    ]


def test_one_number_applies_to_all_queues_and_prefetch_defaults_to_parallelism() -> None:
    assert [(queue.parallelism, queue.prefetch) for queue in read(CONNECTOR_PARALLELISM="3")] == [(3, 3), (3, 3)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECTOR_SINKS", ""),
        ("CONNECTOR_SINKS", "sesame"),
        ("CONNECTOR_SINKS", "videos=ftp://sesame/"),
        ("CONNECTOR_SINKS", "videos=http://sesame:port/"),
        ("CONNECTOR_SINKS", "videos=http://sesame/ videos=http://sesame/"),
        ("CONNECTOR_SINKS", "videos=http:///sesame"),
        ("CONNECTOR_SINKS", "videos=//sesame/"),
        ("CONNECTOR_SINKS", "videos=http://sesame:70000/"),
        ("CONNECTOR_SINKS", "videos=http://[sesame/"),
        ("CONNECTOR_SINKS", "=http://sesame/"),
        ("CONNECTOR_SINKS", "videos= http://sesame/"),
        ("CONNECTOR_PARALLELISM", "0"),
        ("CONNECTOR_PARALLELISM", "videos=sesame"),
        ("CONNECTOR_PARALLELISM", "videos=2 other=2"),
        ("CONNECTOR_PARALLELISM", "videos=2 videos=2"),
        ("CONNECTOR_PARALLELISM", "1001"),
        ("CONNECTOR_PARALLELISM", "-1"),
        ("CONNECTOR_PARALLELISM", "1.5"),
        ("CONNECTOR_PREFETCH", "0"),
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


@pytest.mark.parametrize(("parallelism", "prefetch"), [("3", "2"), ("videos=3", "2"), ("videos=3", "videos=2 mp3s=9")])
def test_prefetch_must_not_be_below_parallelism(parallelism: str, prefetch: str) -> None:
    with pytest.raises(config.ConfigError, match=r"^CONNECTOR_PREFETCH .*\(queue videos\)$"):
        read(CONNECTOR_PARALLELISM=parallelism, CONNECTOR_PREFETCH=prefetch)


def test_the_largest_numbers() -> None:
    assert [queue[2:] for queue in read(CONNECTOR_PARALLELISM="1000", CONNECTOR_PREFETCH="65535")] == [
        (1000, 65_535)
    ] * 2
    assert read(CONNECTOR_SINKS="a=http://h:65535/")[0].url == "http://h:65535/"


def test_a_prefetch_for_one_queue_does_not_change_others() -> None:
    found = read(CONNECTOR_PARALLELISM="4", CONNECTOR_PREFETCH="mp3s=9")
    assert [(queue.name, queue.prefetch) for queue in found] == [("videos", 4), ("mp3s", 9)]


def test_all_errors_are_reported_together() -> None:
    with pytest.raises(config.ConfigError, match=r"CONNECTOR_RETRY .*; .*SWEEP_EVERY_SECONDS "):
        read(CONNECTOR_RETRY="1001", SWEEP_EVERY_SECONDS="0")
