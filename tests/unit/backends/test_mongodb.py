"""The connection to MongoDB: its concerns and limits, and the driver's errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure, ServerSelectionTimeoutError

from functions.backends import mongodb
from functions.common.config import ConfigError
from functions.common.errors import UNAVAILABLE, Failure


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database[dict[str, Any]]]:
    """A database of a client that does not connect."""
    monkeypatch.setenv("MONGODB_URL", "mongodb://127.0.0.1:1/?connect=false")
    monkeypatch.setenv("MONGODB_DATABASE", "mine")
    monkeypatch.setenv("MONGODB_TIMEOUT_SECONDS", "2.5")
    found = mongodb.connect.__wrapped__()
    yield found
    found.client.close()


def test_writes_and_reads_use_the_majority(database: Database[dict[str, Any]]) -> None:
    """Neither an acknowledged write nor a document that was read can be rolled back."""
    assert database.name == "mine"
    assert database.write_concern.document == {"w": "majority", "j": True}
    assert database.read_concern.document == {"level": "majority"}
    assert database["jobs"].write_concern == database.write_concern


def test_operations_have_a_limit_and_dates_a_time_zone(database: Database[dict[str, Any]]) -> None:
    assert database.client.options.timeout == 2.5
    assert database.codec_options.tz_aware


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://ada:ses@me@host/",
        "mongodb://a%zz:sesame@host/",
        "mongodb+srv://ada:sesame@host/",
        "mongodb://ada:sesame@a,b/?directConnection=true",
    ],
)
def test_a_malformed_url_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URL", url)
    with pytest.raises(ConfigError, match=r"^MONGODB_URL must be a MongoDB connection string$") as raised:
        mongodb.connect.__wrapped__()
    assert raised.value.__suppress_context__, "a traceback would show the URL"


def test_a_url_may_name_several_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URL", "mongodb://a:27017,b:27018/?replicaSet=rs0&connect=false")
    database = mongodb.connect.__wrapped__()
    seeds = database.client.topology_description.server_descriptions()
    database.client.close()
    assert seeds.keys() == {("a", 27017), ("b", 27018)}


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("mongodb://ada:sesame@host"),
        DuplicateKeyError("E11000"),
        OperationFailure("not authorized"),
        ServerSelectionTimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_driver_errors_are_unavailable(error: Exception) -> None:
    with pytest.raises(Failure) as failure, mongodb.translated_errors():
        raise error
    assert failure.value.kind is UNAVAILABLE
    assert failure.value.__cause__ is error
    assert "sesame" not in str(failure.value)


def test_other_errors_are_not_translated() -> None:
    for error in (KeyError("a defect"), Failure(UNAVAILABLE)):
        with pytest.raises(type(error)) as raised, mongodb.translated_errors():
            raise error
        assert raised.value is error


def test_operations_in_a_block_share_a_limit() -> None:
    assert pymongo._csot.remaining() is None
    with mongodb.within(3.0), mongodb.within(60.0):
        assert 0 < (pymongo._csot.remaining() or 0) <= 3.0, "the shorter limit applies"
    assert pymongo._csot.remaining() is None
