"""The page about the API: every operation of the document is shown, and works when it is tried."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.clients import web
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.page.browser import Visit, barriers


def opened(page: Page, operation: str) -> Locator:
    """Open an operation, and return it."""
    found = page.locator(f"#{operation}")
    found.locator("summary").first.click()
    return found


def sent(operation: Locator) -> str:
    """Send what an operation's form has, and return the text of the answer once it is whole."""
    operation.locator("button[type=submit]").click()
    answer = operation.locator("[role=status]")
    expect(answer.locator("strong")).to_be_visible()
    expect(operation.locator("button[type=submit]")).to_be_enabled()
    return answer.inner_text()


def become(page: Page, person: Person) -> None:
    """Fill in who one is."""
    page.get_by_text("Who you are").click()
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_label("Token or API key").fill(person.token)


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page."""
    page = visit.open("/page/api")
    page.locator(".operation").first.wait_for()
    return page


@pytest.mark.parametrize("prefix", ["/page/api", "/function/page/api"])
def test_every_operation_is_shown(visit: Visit, url: Urls, prefix: str) -> None:
    document = requests.get(f"{url('jobs')}/openapi.json", timeout=10).json()
    methods = ("get", "post", "put", "patch", "delete")
    wanted = [
        item[method]["operationId"] for item in document["paths"].values() for method in methods if method in item
    ]
    page = visit.open(prefix)
    page.locator(".operation").first.wait_for()
    assert page.locator(".operation").evaluate_all("all => all.map(it => it.id)") == sorted(wanted, key=wanted.index)
    page.evaluate("() => { for (const it of document.querySelectorAll('.operation')) it.open = true }")
    page.wait_for_function(f"() => document.querySelectorAll('.operation form').length === {len(wanted)}")
    # Whatever is closed inside can be opened, to the end: a job has an MP3, which has notes.
    open_all = "() => { for (const it of document.querySelectorAll('#showJob details')) it.open = true }"
    until(lambda: page.evaluate(open_all) or page.locator("#showJob dl dl dl").count(), "the parts of a job's parts")
    for text in ("undefined", "[object"):
        assert text not in page.inner_text("#reference")


def test_an_address_leads_to_an_operation(visit: Visit) -> None:
    page = visit.open("/page/api#makeKey")
    expect(page.locator("#makeKey form")).to_be_in_viewport()


def test_finding_hides_all_others(page: Page) -> None:
    page.get_by_label("Find").fill("podcast")
    shown = page.locator(".operation:visible").evaluate_all("all => all.map(it => it.id)")
    assert {"makePodcast", "endPodcast", "showPodcast"} <= set(shown)
    assert "logIn" not in shown
    expect(page.locator("#state")).to_have_text(re.compile(rf"{len(shown)} of \d+"))


def test_log_in_and_list_ones_jobs(page: Page, owner: Person) -> None:
    """The password goes to where it belongs, and the token to the rest; curl's line names both and shows none."""
    become(page, owner)
    log_in = opened(page, "logIn")
    assert sent(log_in).startswith("200")
    assert len(log_in.locator("pre").last.inner_text().split(".")) == 3
    line = log_in.locator("form pre").inner_text()
    assert re.fullmatch(r"curl -X POST -u EMAIL:PASSWORD 'http://\S+/login'", line)
    jobs = opened(page, "listJobs")
    jobs.get_by_label("limit", exact=True).fill("3")
    assert sent(jobs).startswith("200")
    assert json.loads(jobs.locator("pre").last.inner_text()).keys() == {"jobs"}
    line = jobs.locator("form pre").inner_text()
    assert re.fullmatch(r"curl -H 'Authorization: Bearer TOKEN' 'http://\S+/jobs\?limit=3'", line)


def test_the_pages_own_session_is_enough(visit: Visit, other_user: Person) -> None:
    """Where nothing is filled in."""
    visit.log_in(other_user)
    page = visit.open("/page/api")
    jobs = opened(page, "listJobs")
    assert sent(jobs).startswith("200")
    assert json.loads(jobs.locator("pre").last.inner_text()) == {"jobs": []}
    assert sent(opened(page, "showUsage")).startswith("200")


@pytest.mark.attack("S1")
def test_curls_line_shows_no_secret(page: Page, owner: Person) -> None:
    """It is copied into chats and scripts."""
    become(page, owner)
    typed = 'new "sesame" \\\\ word'
    for operation in ("changePassword", "addUser", "register"):
        found = opened(page, operation)
        body = found.locator("form textarea")
        body.fill(json.dumps({"email": "ada@example.org", "password": typed, "token": owner.token}))
        line = found.locator("form pre").inner_text()
        assert '"password": "PASSWORD"' in line
        assert "ada@example.org" in line
        for secret in ("sesame", owner.token, owner.password):
            assert secret not in line


def test_what_is_refused_is_shown(page: Page, visit: Visit) -> None:
    visit.expect("status of 401")
    assert "401" in sent(opened(page, "listJobs"))
    assert json.loads(page.locator("#listJobs pre").last.inner_text())["code"] == "unauthorized"


def test_send_a_video_and_listen_to_its_mp3(page: Page, owner: Person, video: Path, url: Urls) -> None:
    become(page, owner)
    upload = opened(page, "upload")
    upload.get_by_label("file (required)").set_input_files(video)
    upload.get_by_label("Prefer", exact=True).fill("wait=60")
    upload.get_by_label("title", exact=True).last.fill("It's a <b>title</b>")
    line = upload.locator("form pre").inner_text()
    assert "-F 'title=It'\\''s a <b>title</b>'" in line
    assert f"-F 'file=@{video.name}'" in line
    assert sent(upload).startswith("200")
    job = json.loads(upload.locator("pre").last.inner_text())
    assert job["options"]["title"] == "It's a <b>title</b>"
    download = opened(page, "download")
    download.get_by_label("fid (required)").fill(job["id"])
    assert "audio/mpeg" in sent(download)
    with page.expect_download() as saving:
        download.get_by_role("link", name=re.compile("^Save ")).click()
    assert Path(saving.value.path()).read_bytes() == web.download(url("download"), owner.token, job["id"]).body
    page.wait_for_function("() => document.querySelector('#download audio').duration > 2")


def test_a_stream_is_shown_as_it_comes_until_it_is_stopped(page: Page, owner: Person, video: Path, url: Urls) -> None:
    become(page, owner)
    stream = opened(page, "followJobs")
    stream.locator("button[type=submit]").click()
    expect(stream.locator("strong")).to_have_text(re.compile("^200"))
    job_id = web.upload(url("upload"), owner.token, video).json()["id"]
    expect(stream.locator("pre").last).to_contain_text(job_id)
    stream.get_by_role("button", name="Stop").click()
    expect(stream.locator("[role=status]")).to_contain_text("Stopped.")
    expect(stream.locator("button[type=submit]")).to_be_enabled()


def test_a_service_that_is_away_is_told(visit: Visit) -> None:
    visit.expect("status of 503")
    visit.context.route("**/jobs/openapi.json", lambda route: route.fulfill(status=503, body="{}"))
    page = visit.open("/page/api")
    expect(page.locator("#state")).to_have_text(re.compile("could not be loaded"))


def test_it_is_for_everybody(page: Page) -> None:
    opened(page, "upload")
    opened(page, "logIn")
    page.get_by_text("Who you are").click()
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert barriers(page) == [], (scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, scheme
