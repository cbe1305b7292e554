"""A function with missing or invalid settings does not start: it names them and exits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.common.config import REQUIRED
from local import stack_file
from tests.local.commands import free_port
from tests.manifests.settings import settings_of

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [str(Path(sys.executable).parent / "gunicorn"), "-c", "functions/gunicorn.conf.py"]
END_SECONDS = 30
PASSWORD = "hunter2"


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    """Start a function with only these settings; return the ended process."""
    environment = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(free_port()), **settings}
    return subprocess.run(GUNICORN, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=END_SECONDS)


def required(function: str) -> list[str]:
    """Return the settings that a function requires, except for its name."""
    declared = settings_of(function).values()
    return [setting.name for setting in declared if setting.default is REQUIRED and setting.name != "FUNCTION_TARGET"]


@pytest.mark.parametrize(
    ("function", "missing"), [(name, *required(name)[:1]) for name in stack_file.functions() if required(name)]
)
def test_a_setting_is_missing(function: str, missing: str) -> None:
    ended = start(FUNCTION_TARGET=function)
    assert ended.returncode != 0
    assert f"cannot start: {missing} is missing: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.attack("A12")
@pytest.mark.parametrize(
    ("function", "setting", "value"),
    [
        ("download", "LINK_SECRET", ""),
        ("download", "LINK_SECRET", "your-256-bit-secret"),
        ("download", "LINK_SECRET", "00000000000000000000000000000000"),
        ("download", "METRICS_TOKEN", "metrics"),
        ("login", "SIGNUP_TOKEN", "signup"),
        ("login", "JWT_PRIVATE_KEY", "your-256-bit-secret"),
        ("convert", "EVENT_TOKEN", "events"),
    ],
)
def test_a_secret_is_weak(function: str, setting: str, value: str) -> None:
    ended = start(FUNCTION_TARGET=function, **{setting: value})
    assert ended.returncode != 0
    assert f"{setting} " in ended.stderr
    assert not value or value not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_is_wrong() -> None:
    ended = start(FUNCTION_TARGET="sweep", RABBITMQ_URL=f"http://user:{PASSWORD}@127.0.0.1/")
    assert ended.returncode != 0
    assert "cannot start: RABBITMQ_URL must be a URL that begins with amqp:// or amqps://" in ended.stderr
    assert PASSWORD not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_function() -> None:
    ended = start(FUNCTION_TARGET="../login")
    assert ended.returncode != 0
    assert "cannot start: FUNCTION_TARGET must be the name of a function, such as login" in ended.stderr
