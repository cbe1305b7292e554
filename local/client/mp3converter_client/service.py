"""Requests to the service: with the token or key, again where its document says so, and failures as sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import requests
from requests.auth import AuthBase

from mp3converter_client import __version__, program
from mp3converter_client.address import Address
from mp3converter_client.arguments import PATIENCE_SECONDS
from mp3converter_client.failure import Failure

CONNECT_SECONDS = 30.0  # of writing, too
ANSWER_SECONDS = 120.0  # an upload is answered once it is safe
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0
_AGAIN = (408, 429, 503)
_PROXIES = (502, 504)  # say that the service is away, or the answer lost
_AGAIN_CODES = ("idempotency_key_in_use",)

Say = Callable[[str], None]


class Bearer(AuthBase):
    """A token or key. Unlike a header of the session, it is never replaced by what ~/.netrc has for the host."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._secret}"
        return request


class Basic(AuthBase):
    """An e-mail address and a password, in UTF-8."""

    def __init__(self, email: str, password: str) -> None:
        self._pair = requests.auth.HTTPBasicAuth(email.encode(), password.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        signed: requests.PreparedRequest = self._pair(request)
        return signed


class Service:
    """The service as one user; for one thread, since a session is."""

    def __init__(
        self, address: Address, auth: AuthBase, patience: float = PATIENCE_SECONDS, say: Say | None = None
    ) -> None:
        self.address = address
        self._auth = auth
        self._patience = patience
        self._say = say
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"mp3converter-client/{__version__}"

    def call(
        self,
        method: str,
        function: str,
        *path: str,
        body: Callable[[], Any] | None = None,
        say: Say | None = None,
        again: bool = True,
        patience: float | None = None,
        seconds: float = ANSWER_SECONDS,
        **options: Any,
    ) -> requests.Response:
        """Send a request until there is an answer that counts; return a good one. Raises Failure.

        It is sent again after a cut connection only with `again`, and after an answer that says so in any case, for
        as long as the patience lasts. `body` makes the body of each try.
        """
        url = self.address.url(function, *path)
        patience = self._patience if patience is None else patience
        waited, pause = 0.0, _FIRST_WAIT_SECONDS
        while True:
            try:
                response = self._session.request(
                    method,
                    url,
                    auth=self._auth,
                    data=body() if body else None,
                    timeout=(CONNECT_SECONDS, seconds),
                    allow_redirects=False,  # a POST would become a GET
                    **options,
                )
            except requests.RequestException as error:
                failure, wait, again_now = unreachable(url, error), pause, again
            else:
                if response.status_code < 300:
                    return response
                failure = refusal(response)
                wait = _retry_after(response.headers, pause)
                again_now = response.status_code in _AGAIN or failure.code in _AGAIN_CODES
                again_now = again_now or (again and response.status_code in _PROXIES)
                response.close()
            if not again_now:
                raise failure
            if waited + wait > patience:
                raise failure.asking_to_wait(wait) if failure.status == 429 else failure
            if tell := say or self._say:
                tell(f"{failure.sentence} Trying again in {wait:.0f} s.")
            time.sleep(wait)
            waited, pause = waited + wait, min(2 * pause, _LONGEST_WAIT_SECONDS)

    def json(self, method: str, function: str, *path: str, **options: Any) -> Any:
        """Send a request, and return the JSON of its answer. Raises Failure."""
        response = self.call(method, function, *path, **options)
        try:
            return response.json()
        except requests.RequestException:
            raise Failure(
                "no_service", f"{response.url} is no video-to-MP3 service: it answers with no JSON."
            ) from None

    def greet(self) -> None:
        """Find out at once whether the service is there, and takes what we bring. Raises Failure."""
        try:
            self.call("GET", "upload", "usage", again=False)
        except Failure as failure:
            raise self.nowhere(failure) from None

    def nowhere(self, failure: Failure) -> Failure:
        """Return a failure to find what every service has as what it is: a wrong address."""
        if failure.status != 404:
            return failure
        return Failure("no_service", f"There is no video-to-MP3 service at {self.address.shown}.", 404)


def unreachable(url: str, error: Exception) -> Failure:
    """Return the failure of a request without an answer."""
    reasons = {requests.Timeout: "no answer in time", requests.exceptions.SSLError: "its certificate is not trusted"}
    why = next((text for kind, text in reasons.items() if isinstance(error, kind)), "the connection failed")
    return Failure("unreachable", f"{url} cannot be reached: {why}.")


def refusal(response: requests.Response) -> Failure:
    """Return what an answer says, or what it means if it is none of the service's own."""
    status = response.status_code
    if status < 400:
        place = response.headers.get("Location", "another address")
        return Failure(
            "moved", f"{response.url} sends to {place}. Log in there: {program.name} login --url URL", status
        )
    problem: Any = None
    with suppress(requests.RequestException):
        problem = response.json()
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        return Failure("no_service", f"{response.url} answers {status}, and no reason. Is the address right?", status)
    sentence = str(problem.get("title") or problem["code"])
    if "field" in problem and "allowed" in problem:
        sentence = f"{sentence} {problem['field']} takes {problem['allowed']}."
    return Failure(problem["code"], sentence, status)


def _retry_after(headers: Mapping[str, str], otherwise: float) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else otherwise
