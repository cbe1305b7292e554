"""Settings of the client: from the environment or a file, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from mp3converter_client import address, login, settings, store
from mp3converter_client.failure import Failure, Wrong
from mp3converter_client.store import Login

DEFAULT = "http://localhost:8080"
KEPT = Login("https://mp3.example.com", "ada@example.org", "KEPT", "17")


def found(**environment: str) -> tuple[str, str]:
    place, bearer = login.found(environment, DEFAULT)
    return place.url("jobs"), bearer._secret


def test_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("mp3_KEY\n")
    (tmp_path / "url").write_text("https://other.example.com\n")
    assert found(MP3_TOKEN="A") == (f"{DEFAULT}/jobs", "A")
    assert found(MP3_KEY="B", MP3_URL="mp3.example.com") == ("https://mp3.example.com/jobs", "B")
    both = {"MP3_KEY_FILE": str(tmp_path / "key"), "MP3_URL_FILE": str(tmp_path / "url")}
    assert found(**both) == ("https://other.example.com/jobs", "mp3_KEY")


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"MP3_TOKEN": "A", "MP3_KEY": "B"}, "either MP3_TOKEN or MP3_KEY"),
        ({"MP3_KEY": "B", "MP3_KEY_FILE": "x"}, "either MP3_KEY or MP3_KEY_FILE"),
        ({"MP3_KEY_FILE": "/nonexistent"}, "No such file"),
        ({"MP3_TOKEN": "a\nb"}, "other signs"),
    ],
)
def test_wrong_settings(environment: dict[str, str], why: str) -> None:
    with pytest.raises(Wrong, match=why):
        settings.secret(environment)


def test_the_login_that_is_kept() -> None:
    with pytest.raises(Failure, match="Log in first"):
        found()
    store.keep(KEPT)
    assert found() == ("https://mp3.example.com/jobs", "KEPT")
    assert found(MP3_URL="https://mp3.example.com/") == ("https://mp3.example.com/jobs", "KEPT")
    assert found(MP3_TOKEN="A") == ("https://mp3.example.com/jobs", "A")


@pytest.mark.parametrize("other", ["https://evil.example.com", "http://mp3.example.com", "https://mp3.example.com/x"])
def test_a_kept_key_goes_nowhere_else(other: str) -> None:
    store.keep(KEPT)
    with pytest.raises(Failure, match=f"mp3 login --url {other}"):
        found(MP3_URL=other)


def test_a_login_is_shown_without_its_key() -> None:
    assert "KEPT" not in str(KEPT)
    assert address.parse(KEPT.url).url("login") == "https://mp3.example.com/login"
