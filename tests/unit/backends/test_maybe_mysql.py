"""MySQL where it may be missing: cold start waits for its driver only where it is asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ANSWERS = "import sys, {}; print('pymongo' in sys.modules, 'pymysql' in sys.modules)"
CONNECTS = """
import sys
from functions.backends import recipients
print(recipients.connect() is not None, 'pymysql' in sys.modules)
"""


def printed(code: str, **settings: str) -> str:
    """Return what a new process prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MYSQL")} | settings
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module", ["jobs.changes", "jobs.feed", "notify.step", "sweep.step", "upload.step", "download.step"]
)
def test_no_answer_waits_for_the_driver_that_may_not_need_it(module: str) -> None:
    assert printed(ANSWERS.format(f"functions.{module}")) == "True False"


@pytest.mark.parametrize(("url", "expected"), [("", "False False"), ("mysql://a:b@127.0.0.1/c", "True True")])
def test_the_driver_loads_where_the_settings_name_a_database(url: str, expected: str) -> None:
    assert printed(CONNECTS, **({"MYSQL_URL": url} if url else {})) == expected


def test_keys_and_recipients_share_the_connections() -> None:
    """Each pool has a limit, so several would let a function take several times as many."""
    code = "from functions.backends import maybe_mysql as m; print(m.connect() is m.connect() is not None)"
    assert printed(code, MYSQL_URL="mysql://a:b@127.0.0.1/c") == "True"
