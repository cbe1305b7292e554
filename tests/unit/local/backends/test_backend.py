"""A backend's URL: where it comes from, and what may be shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.backends.backend import Backend, given_url
from local.problem import Problem


@pytest.mark.parametrize(
    ("url", "shown", "host", "port"),
    [
        ("mysql://ada:word@db:3306/mine?tls=none", "mysql://db:3306/mine", "db", 3306),
        ("mysql://db/mine", "mysql://db/mine", "db", None),
        ("amqp://ada:w%40rd@[::1]:5672/x", "amqp://[::1]:5672/x", "::1", 5672),
        ("mongodb://ada:word@a:1,b:2/?replicaSet=rs0", "mongodb://a:1,b:2/", "a:1,b:2", None),
        ("smtp://ada:wo@rd@relay:587", "smtp://relay:587", "relay", 587),
    ],
)
def test_credentials_and_options_are_not_shown(url: str, shown: str, host: str, port: int | None) -> None:
    assert Backend("x", url, lambda: True).describe() == {"url": shown, "host": host, "port": port}


def test_a_url_is_set_directly_or_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("mysql://file/x\n")
    assert given_url({}, "MYSQL_URL") is None
    assert given_url({"MYSQL_URL": ""}, "MYSQL_URL") is None
    assert given_url({"MYSQL_URL": "", "MYSQL_URL_FILE": ""}, "MYSQL_URL") is None
    assert given_url({"MYSQL_URL_FILE": str(file)}, "MYSQL_URL") == "mysql://file/x"
    assert given_url({"MYSQL_URL": "mysql://direct/x", "MYSQL_URL_FILE": str(file)}, "MYSQL_URL") == "mysql://direct/x"
    assert given_url({"MYSQL_URL_FILE": str(file)}, "MONGODB_URL") is None


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    with pytest.raises(Problem, match=rf"^Cannot read {missing}, which MYSQL_URL_FILE names: No such file"):
        given_url({"MYSQL_URL_FILE": missing}, "MYSQL_URL")
