"""The page as it is built and served: its headers and encodings, at every prefix, in a browser."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from threading import Event
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from playwright.sync_api import Route, expect

from local.home import ROOT
from tests.clients import web
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.page.browser import Visit
from tests.page.conftest import Visits
from tests.page.desk import enter, row, until_done

BUILT = ROOT / "functions" / "page" / "built"
MANIFEST = json.loads((BUILT / "manifest.json").read_text())
PREFIXES = ("/page/", "/function/page/", "/function/page.openfaas-fn/")
FIRST_LOAD_MOST_BYTES = 12_000
JUMPS_MOST = 0.02
NOTES_JUMPS = """
window.jumps = 0;
new PerformanceObserver((list) => list.getEntries().forEach(({value}) => (window.jumps += value)))
    .observe({type: "layout-shift", buffered: true});
"""
LATER = re.compile(r"\.(js|css)$")
# The last thing that the page loads on its own is the file of texts in the visitor's language.
TEXTS_ARE_THERE = "() => performance.getEntriesByType('resource').some(it => /\\/[a-z]{2}-\\w{8}\\.js$/.test(it.name))"


class Addresses(HTMLParser):
    """Finds what a page names, and what it has inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.named: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        given = dict(attrs)
        self.named += [str(given[name]) for name in ("src", "href", "action", "srcset", "poster") if name in given]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


PAGES = [name for name in MANIFEST if name.endswith(".html")]


@pytest.mark.parametrize("name", PAGES)
def test_addresses_are_relative_and_nothing_is_inline(name: str) -> None:
    found = Addresses((BUILT / name).read_text())
    assert found.named
    assert [address for address in found.named if address.startswith("/") or urlsplit(address).netloc] == []
    assert found.inline == []


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_page_names_is_there(name: str) -> None:
    own = [address for address in Addresses((BUILT / name).read_text()).named if re.match(r"[\w-]+\.\w+$", address)]
    assert own
    assert set(own) <= set(MANIFEST)
    assert all(MANIFEST[file]["immutable"] or file in (*PAGES, "licences.txt") for file in own)


def test_a_file_may_be_kept_if_its_name_tells_its_content() -> None:
    kept = {name for name, about in MANIFEST.items() if about["immutable"]}
    assert kept == {name for name in MANIFEST if re.search(r"-[0-9A-Za-z]{8}\.\w+$", name)}
    assert {"index.html", "licences.txt"} <= set(MANIFEST) - kept


def test_the_licences_of_all_packages_are_beside_the_page() -> None:
    text = (BUILT / "licences.txt").read_text()
    packages = json.loads((ROOT / "functions" / "page" / "app" / "package.json").read_text())["dependencies"]
    bundled = {name for name in packages if f"\n{name} {packages[name]}\n" in text}
    assert bundled >= {"qrcode-generator", "mediabunny"}
    assert "esbuild" not in bundled, "it builds the page, and is no part of it"


@pytest.mark.parametrize("name", sorted(MANIFEST))
@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_each_file_in_each_coding(stack: PrivateStack, name: str, coding: str) -> None:
    """Brotli is decoded by the browser below; here only its size is known."""
    answer = requests.get(
        f"{stack.functions['page']}/{name}", headers={"Accept-Encoding": coding}, stream=True, timeout=10
    )
    sent = answer.raw.read(decode_content=False)
    about = MANIFEST[name]
    coded = coding if coding in about["sizes"] else "identity"
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, about["type"])
    assert answer.headers.get("Content-Encoding", "identity") == coded
    assert len(sent) == about["sizes"][coded] == int(answer.headers["Content-Length"])
    if coded != "br":
        assert (gzip.decompress(sent) if coded == "gzip" else sent) == (BUILT / name).read_bytes()


def test_the_whole_route_keeps_what_the_function_says(route: Urls) -> None:
    """No gateway adds or takes a coding or a header."""
    first = requests.get(f"{route('page')}/", headers={"Accept-Encoding": "br"}, stream=True, timeout=10)
    assert (first.headers["Content-Encoding"], first.headers["Cache-Control"]) == ("br", "no-cache")
    assert "require-trusted-types-for 'script'" in first.headers["Content-Security-Policy"]
    etag = first.headers["ETag"]
    headers = {"Accept-Encoding": "br", "If-None-Match": etag}
    again = requests.get(f"{route('page')}/", headers=headers, timeout=10)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert requests.head(f"{route('page')}/", timeout=10).status_code == 200


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_browser_shows_the_page_at_every_prefix(visit: Visit, prefix: str) -> None:
    """Everything that it asks for is below the prefix, or is another function's; nothing fails."""
    answers: dict[str, int] = {}
    visit.context.on("response", lambda answer: answers.update({answer.url: answer.status}))
    page = visit.open(prefix)
    page.wait_for_function(TEXTS_ARE_THERE)
    page.locator("h1").first.wait_for()
    below = urljoin(visit.gateway, prefix)
    functions = urljoin(below, "..")
    assert [url for url in answers if not url.startswith(functions)] == []
    own = {url for url in answers if url.startswith(below)}
    assert len(own) >= 3
    assert {answers[url] for url in own} == {200}


def test_a_browser_that_asks_for_the_root_sees_the_page(visit: Visit) -> None:
    assert visit.open("/").url == f"{visit.gateway}/page/"


def test_a_second_visit_asks_only_whether_the_page_has_changed(visit: Visit) -> None:
    visit.open().locator("h1").wait_for()
    page = visit.open()
    page.locator("h1").wait_for()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter(it => it.name.match(/-[0-9A-Za-z]{8}\\.(js|css)$/))"
        ".map(it => it.transferSize)"
    )
    assert sizes
    assert set(sizes) == {0}


def weigh(addresses: Iterable[str]) -> int:
    """Return the bytes of script and style at these addresses, compressed with gzip, as not every browser has more."""
    names = {address.rpartition("/")[2] for address in addresses if address.endswith((".js", ".css"))}
    assert sum(bool(re.match(r"[a-z]{2}-", name)) for name in names) == 1, "the texts of one language"
    sizes = [MANIFEST[name]["sizes"] for name in names]
    return sum(size.get("gzip", size["identity"]) for size in sizes)


def test_a_first_visit_loads_little(visit: Visit) -> None:
    loaded: list[str] = []
    visit.context.on("request", lambda request: loaded.append(request.url))
    page = visit.open()
    page.get_by_label("Password").wait_for()
    page.wait_for_load_state("networkidle")
    assert weigh(loaded) <= FIRST_LOAD_MOST_BYTES


def test_a_member_sees_and_uses_the_list_before_anything_else_is_loaded(
    visits: Visits, other_user: Person, video: Path, url: Urls
) -> None:
    assert web.upload(url("upload"), other_user.token, video, filename="talk.mp4").status == 202
    former = visits()
    until_done(enter(former, other_user), ["talk.mp4"])
    visit = visits(storage_state=former.context.storage_state(), viewport={"width": 412, "height": 823})
    visit.context.add_init_script(NOTES_JUMPS)
    loaded: list[str] = []
    held: list[Route] = []
    lists: list[Route] = []
    released = Event()
    visit.context.on("request", lambda request: loaded.append(request.url))
    page = visit.page
    page.route(re.compile(r"/jobs\?"), lambda route: lists.append(route), times=1)
    with page.expect_request(re.compile(r"/jobs\?")):
        visit.open()
    page.wait_for_function("() => document.querySelector('[type=search]')")
    assert weigh(loaded) <= FIRST_LOAD_MOST_BYTES
    page.route(LATER, lambda route: route.continue_() if released.is_set() else held.append(route))
    lists.pop().continue_()
    shown = row(page, "talk.mp4")
    expect(shown).to_contain_text("Done")
    expect(shown.get_by_role("link", name="Download")).to_have_attribute("href", re.compile(r"^\.\./download\?link="))
    expect(page.get_by_text("MP3s for")).to_be_visible()
    assert page.evaluate("window.jumps") < JUMPS_MOST
    page.get_by_text("Speech").click()
    assert "speech" in page.evaluate("localStorage.sound")
    shown.get_by_role("button", name="Delete").click()
    assert held, "the rest was not asked for"
    released.set()
    for route in held:
        route.continue_()
    page.get_by_role("button", name="Undo").click()
    expect(shown).to_contain_text("Done")


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.appendChild(document.createElement('script')).textContent = 'window.ran = 1'",
        "document.body.innerHTML = '<img src=x onerror=\"window.ran = 1\">'",
        "document.body.setAttribute('onclick', 'window.ran = 1'); document.body.click()",
        "window.ran = 0; setTimeout('window.ran = 1')",
        "eval('window.ran = 1')",
        "location.href = 'javascript:window.ran = 1'",
        "new Worker('main.js')",
        "trustedTypes.createPolicy('another', {createHTML: text => text}).createHTML('')",
        "document.body.append(Object.assign(document.createElement('iframe'), {src: 'https://example.org/'}))",
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.org/x.png'}))",
    ],
)
def test_injected_code_does_nothing(visit: Visit, attempt: str) -> None:
    visit.expect("Content Security Policy|TrustedHTML|TrustedScript|Trusted ?Type|violates")
    page = visit.open()
    page.evaluate("window.refused = 0; document.addEventListener('securitypolicyviolation', () => window.refused++)")
    # Later, as the page itself would run it: what a debugger calls at once may do more.
    page.evaluate(f"() => {{ setTimeout(() => {{ {attempt} }}) }}")
    page.wait_for_function("() => window.refused > 0")
    assert page.evaluate("window.ran ?? 0") == 0


def test_nobody_may_show_the_page_in_a_frame(visits: Visits, stack: PrivateStack) -> None:
    visit = visits()
    visit.expect("frame-ancestors|refused to connect|chromewebdata|Framing")
    page = visit.page
    page.route(
        f"{stack.gateway}/frame",
        lambda route: route.fulfill(body="<iframe src=/page/></iframe>", content_type="text/html"),
    )
    page.goto(f"{stack.gateway}/frame")
    (frame,) = page.main_frame.child_frames
    frame.wait_for_load_state()
    assert frame.url.startswith("chrome-error:")
