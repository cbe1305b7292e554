"""The summary: three lines that a shell understands, whatever the password and the path are."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from local import plan, summary
from local.account import User
from local.home import Home
from local.plan import Plan
from local.secret_files import SecretFiles
from tests.local.private import EXTERNAL

ADA = User("ada@example.org", "p'a\"s$s `w`o\\rd")


def test_every_function_and_the_user_are_shown(planned: Plan) -> None:
    text = summary.text(planned, ADA)
    public = {"login", "upload", "download", "jobs", "page"}
    assert {name for name in planned.functions if f"{planned.gateway}/{name}\n" in text} == public
    assert f"user      {ADA.email}\n  password  {ADA.password}\n" in text
    assert f"Open {planned.gateway}/ in a browser, or run ./local/mp3 login, then ./local/mp3 convert FILE." in text
    assert "none: mails go to the server in SMTP_URL" in text
    assert "./local/mp3 login, then" in text


def test_a_private_mailbox_is_shown(planned: Plan, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    backends = {name: backend for name, backend in planned.backends.items() if name != "smtp"}
    private = plan._backends(home, planned.ports, SecretFiles(home), EXTERNAL | {"SMTP_URL": ""}, 60)
    found = Plan(home, planned.ports, planned.secrets, backends | {"smtp": private["smtp"]}, planned.programs)
    assert f"mailbox   http://127.0.0.1:{planned.ports['mailbox']}\n" in summary.text(found, ADA)


def test_the_lines_are_words_for_a_shell(planned: Plan) -> None:
    first, second, third = summary.three_lines(planned, ADA)
    words = shlex.split(first.removeprefix("TOKEN=$(").removesuffix(")"))
    assert words[words.index("-u") + 1] == f"{ADA.email}:{ADA.password}"
    words = shlex.split(second.removeprefix("ID=$(").removesuffix(")"))
    assert words[words.index("-F") + 1] == f"file=@{planned.home.path / 'sample.mp4'}"
    assert shlex.split(third)[-1] == f"{planned.gateway}/download?fid=$ID"


@pytest.mark.parametrize(
    "answer",
    [
        '{"id": "376b7472-1f38", "state": "queued"}',
        '{"state":"queued","id":"376b7472-1f38","links":{"download":"http://x?fid=other"}}',
    ],
)
def test_the_id_is_found_in_the_answer(answer: str, planned: Plan) -> None:
    program = summary.three_lines(planned, ADA)[1].rpartition(" | ")[2].removesuffix(")")
    done = subprocess.run(["sh", "-c", program], input=answer, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "376b7472-1f38"
