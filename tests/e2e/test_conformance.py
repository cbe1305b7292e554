"""Schemathesis finds no answer of a running system that the document of the API does not have.

`API_EXAMPLES=500 ./local/test tests/e2e/test_conformance.py` tries as many random requests for each operation, too,
others each time.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tests.clients import web
from tests.clients.conformance import REPEATABLE, drive
from tests.e2e.conftest import Urls
from tests.local.private import PrivateStack

EXAMPLES = os.environ.get("API_EXAMPLES", "")
NOT_DRIVEN = 1  # followJobs


def test_every_answer_is_documented(stack: PrivateStack, url: Urls, video: Path, tmp_path: Path) -> None:
    password = secrets.token_urlsafe(12)
    known = {"API_PASSWORD": password, "API_OPERATOR": stack.secret("signup_token")}
    for name in ("API_EMAIL", "API_CHANGED_EMAIL", "API_CLOSED_EMAIL"):
        known[name] = f"{secrets.token_hex(6)}@example.org"
        stack.add_user(known[name], password)
    token = known["API_TOKEN"] = web.login(url("login"), known["API_EMAIL"], password)
    headers = {**web.bearer(token), "Prefer": "wait=60"}
    job = web.call("POST", f"{url('upload')}?filename=a.mp4", headers=headers, body=video.read_bytes()).json()
    assert job["state"] == "done"
    known["API_JOB"] = job["id"]
    chosen = ("--phases=examples,coverage,fuzzing", f"--max-examples={EXAMPLES}") if EXAMPLES else REPEATABLE
    found = drive(stack.gateway, f"{stack.gateway}/openapi.json", known, tmp_path, *chosen)
    assert found.failures == {}, found.text
    operations = found.report["operations"]
    assert operations["tested"] == operations["total"] - NOT_DRIVEN, found.text
    assert web.call("GET", f"{url('jobs')}/{job['id']}", headers=web.bearer(token)).json()["state"] == "done"
