"""The gateway: paths to functions, OpenFaaS's /system API, and unknown paths."""

import http.client
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from local import stack_file, version
from local.gateway import logs
from local.gateway.system import ASYNCHRONOUS, FOR_A_CLUSTER
from tests.clients.waiting import until_gone
from tests.local.private import PrivateStack

UNKNOWN = ["/unknown", "/loginx", "/function/unknown", "/login.openfaas-fn", "/function", "/functionlogin"]
UNROUTED = ["/convert", "/function/notify", "/function/sweep.openfaas-fn", "/convert/_/health"]
UNSUPPORTED = [
    ("PUT", "/system/functions"),
    ("POST", "/system/functions"),
    ("DELETE", "/system/functions"),
    ("POST", "/system/scale-function/login"),
    ("DELETE", "/system/function/login"),
]
LARGE_BYTES = 16 * 1024 * 1024
FUNCTIONS = set(stack_file.functions())
PUBLIC = {"login", "upload", "download", "jobs", "page"}


def get(stack: PrivateStack, path: str) -> requests.Response:
    """Send a GET to the gateway."""
    return requests.get(f"{stack.gateway}{path}", timeout=10)


@pytest.mark.parametrize("name", sorted(PUBLIC))
@pytest.mark.parametrize("prefix", ["/{}", "/function/{}", "/function/{}.openfaas-fn"])
def test_every_function_that_people_call_has_its_paths(stack: PrivateStack, name: str, prefix: str) -> None:
    answer = get(stack, prefix.format(name) + "/_/health")

    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "ok", "function": name, "version": version.own()}.items()


@pytest.mark.parametrize("path", UNKNOWN + UNROUTED)
def test_an_unknown_function_is_a_404_with_a_code(stack: PrivateStack, path: str) -> None:
    answer = get(stack, path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
    assert answer.json()["status"] == 404
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] != get(stack, path).headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("path", "accepted", "status", "location"),
    [
        ("/", "text/html,application/xhtml+xml,*/*;q=0.8", 303, "page/"),
        ("/page", "*/*", 308, "page/"),
        ("/function/page", "*/*", 308, "page/"),
        ("/function/page.openfaas-fn", "*/*", 308, "page.openfaas-fn/"),
    ],
)
def test_a_browser_is_led_to_the_page(
    stack: PrivateStack, path: str, accepted: str, status: int, location: str
) -> None:
    """By relative addresses: a proxy in front may have another host or prefix."""
    headers = {"Accept": accepted}
    answer = requests.get(f"{stack.gateway}{path}", headers=headers, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (status, location)
    page = requests.get(f"{stack.gateway}{path}", headers=headers, timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "text/plain"])
def test_a_program_gets_the_list_of_functions(stack: PrivateStack, accepted: str) -> None:
    answer = requests.get(f"{stack.gateway}/", headers={"Accept": accepted}, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.splitlines()[1:] == [
        f"{stack.gateway}/{name}" for name in stack_file.functions() if name in PUBLIC
    ]


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"3\r\nabcdef\r\n", b"fffffffffffffffff\r\n"])
def test_a_garbled_body_is_the_clients_fault(stack: PrivateStack, chunks: bytes) -> None:
    token = requests.post(f"{stack.gateway}/login", auth=(stack.user.email, stack.user.password), timeout=10).text
    parts = urlsplit(stack.gateway)
    head = f"POST /upload?filename=a.mp4 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    with socket.create_connection((parts.hostname, parts.port), 10) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            assert (answer.status, answer.getheader("Content-Type")) == (400, "application/problem+json")
            assert json.loads(answer.read())["code"] == "incomplete_body"


def test_the_document_of_the_api_is_that_of_jobs(stack: PrivateStack) -> None:
    found = get(stack, "/openapi.json")

    assert (found.status_code, found.headers["Content-Type"]) == (200, "application/json")
    assert found.content == get(stack, "/jobs/openapi.json").content
    etag = found.headers["ETag"]
    again = requests.get(f"{stack.gateway}/openapi.json", headers={"If-None-Match": etag}, timeout=10)
    assert (again.status_code, again.headers["ETag"]) == (304, etag)
    assert get(stack, "/openapi.jsonx").status_code == 404


def test_the_query_reaches_the_function(stack: PrivateStack) -> None:
    direct = requests.get(f"{stack.functions['download']}/?fid=x", timeout=10)
    through = get(stack, "/function/download?fid=x")

    assert direct.status_code == through.status_code == 401


def test_all_functions_are_listed(stack: PrivateStack) -> None:
    functions = get(stack, "/system/functions").json()

    assert {function["name"] for function in functions} == FUNCTIONS
    for function in functions:
        assert function["availableReplicas"] == function["replicas"] == 1
        assert function["image"] == f"mp3converter/{function['name']}:latest"
        assert function["namespace"] == "openfaas-fn"
        assert datetime.fromisoformat(function["createdAt"]) < datetime.now(UTC)


def test_invocations_are_counted(stack: PrivateStack) -> None:
    def count() -> int:
        return int(get(stack, "/system/function/login").json()["invocationCount"])

    before = count()
    for _ in range(3):
        requests.post(f"{stack.gateway}/login", timeout=10)
        get(stack, "/login/_/health")

    assert count() == before + 3


@pytest.mark.parametrize("name", ["login", "login.openfaas-fn"])
def test_a_function_is_described(stack: PrivateStack, name: str) -> None:
    assert get(stack, f"/system/function/{name}?usage=1&namespace=openfaas-fn").json()["name"] == "login"


def test_an_unknown_function_is_not_described(stack: PrivateStack) -> None:
    assert get(stack, "/system/function/unknown").status_code == 404


def test_another_namespace_is_empty(stack: PrivateStack) -> None:
    assert get(stack, "/system/functions?namespace=other").json() == []
    assert get(stack, "/system/namespaces").json() == ["openfaas-fn"]


def test_the_gateway_describes_itself(stack: PrivateStack) -> None:
    info = get(stack, "/system/info").json()

    assert set(info) == {"provider", "version", "arch"}
    assert get(stack, "/healthz").status_code == 200


@pytest.mark.parametrize(("method", "path"), UNSUPPORTED)
def test_deploying_is_refused(stack: PrivateStack, method: str, path: str) -> None:
    answer = requests.request(method, f"{stack.gateway}{path}", json={}, timeout=10)

    assert answer.status_code == 501
    assert answer.json()["title"] == FOR_A_CLUSTER


def test_an_asynchronous_call_says_what_to_do_instead(stack: PrivateStack) -> None:
    """However large it is: many clients read no answer while they are sending."""
    answer = requests.post(f"{stack.gateway}/async-function/upload", data=bytes(LARGE_BYTES), timeout=60)

    assert answer.status_code == 501
    assert answer.json()["title"] == ASYNCHRONOUS


def test_a_log_can_be_followed_through_the_gateway(stack: PrivateStack) -> None:
    url = f"{stack.gateway}/system/logs?name=login&follow=true&tail=1"
    with requests.get(url, timeout=10, stream=True) as following:
        lines = (line for line in following.iter_lines() if line)
        before = json.loads(next(lines))
        answer = requests.post(f"{stack.gateway}/login", timeout=10)
        after = json.loads(next(lines))

    assert answer.headers["X-Request-Id"] in after["text"]
    assert (after["name"], after["namespace"], after["instance"]) == ("login", "openfaas-fn", "login")
    assert datetime.fromisoformat(before["timestamp"]) <= datetime.fromisoformat(after["timestamp"])


def test_a_log_is_not_followed_once_the_client_has_left(stack: PrivateStack) -> None:
    def followers() -> list[Path]:
        master = stack.pid("system")
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        files = [file for worker in workers for file in Path(f"/proc/{worker}/fd").iterdir()]
        return [file for file in files if file.resolve().name == "notify.log"]

    with requests.get(f"{stack.gateway}/system/logs?name=notify&follow=true", timeout=10, stream=True) as following:
        lines = following.iter_lines()  # kept, because its end would close the connection
        next(lines)
        assert len(followers()) == 1
    until_gone(followers, "what reads the log", logs.FOLLOW_SECONDS / 2)


def test_the_start_page_lists_the_functions_that_people_call(stack: PrivateStack) -> None:
    page = get(stack, "/")

    assert page.headers["Content-Type"].startswith("text/plain")
    for name in FUNCTIONS:
        assert (f"{stack.gateway}/{name}\n" in page.text) == (name in PUBLIC)


def test_metrics_need_the_token(stack: PrivateStack) -> None:
    assert get(stack, "/login/_/metrics").status_code == 404
