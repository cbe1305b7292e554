"""The real Mailpit, and the client that the cluster tests use to read it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from smtplib import SMTP

import pytest
import yaml

from tests.clients.mailpit import Mailpit
from tests.clients.waiting import until
from tests.clients.web import call
from tests.local.commands import free_port
from tests.manifests.building import KNATIVE
from tests.tools import programs

pytestmark = pytest.mark.platforms


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a Mailpit that runs with the environment in its manifest."""
    manifest = yaml.safe_load((KNATIVE / "components" / "mailpit" / "deployment.yaml").read_text())
    part = manifest["spec"]["template"]["spec"]["containers"][0]
    folder, smtp, http = tmp_path_factory.mktemp("mailpit"), free_port(), free_port()
    given = {entry["name"]: entry["value"].replace("/tmp/", f"{folder}/") for entry in part["env"]}  # noqa: S108
    environment = {**given, "MP_SMTP_BIND_ADDR": f"127.0.0.1:{smtp}", "MP_UI_BIND_ADDR": f"127.0.0.1:{http}"}
    with subprocess.Popen([programs.mailpit()], env=environment, stdout=subprocess.DEVNULL) as process:
        until(lambda: _listens(http), "Mailpit")
        yield smtp, http
        process.terminate()
    assert part["image"].endswith(f":{programs.MAILPIT}")
    assert Path(given["MP_DATABASE"]).parent == folder


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_probes_are_answered(ports: tuple[int, int]) -> None:
    assert [call("GET", f"http://127.0.0.1:{ports[1]}{path}").status for path in ("/readyz", "/livez")] == [200, 200]


def test_a_mail_is_found_by_its_job(ports: tuple[int, int]) -> None:
    smtp, http = ports
    for fid, to in (("job-1", "a@example.org"), ("job-2", "a@example.org"), ("job-1", "b@example.org")):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "mp3@localhost", to, "Your MP3"
        message.set_content(f"It is ready: http://localhost:8080/download?fid={fid}&link=signed-for-{to}\n")
        with SMTP("127.0.0.1", smtp) as connection:
            connection.send_message(message)
    found = Mailpit(f"http://127.0.0.1:{http}").about("job-2", "a@example.org")
    assert (found.to, found.subject) == ("a@example.org", "Your MP3")
    assert found.link == "http://localhost:8080/download?fid=job-2&link=signed-for-a@example.org"
