"""Log in once, with an API key where the service has them; and find out who is logged in."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Mapping

from mp3converter_client import address, program, settings, store
from mp3converter_client.address import Address
from mp3converter_client.failure import Failure, Wrong
from mp3converter_client.service import Basic, Bearer, Service
from mp3converter_client.store import Login

DEFAULT_URL = "http://localhost:8080"
_WITHOUT_KEYS = (404, 405, 409)  # an older service, or as many keys as one may have
_NAME_MOST_CHARACTERS = 100


def found(environment: Mapping[str, str], default_url: str) -> tuple[Address, Bearer]:
    """Return where the service is, and the token or key for it. Raises Failure and Wrong."""
    given, secret = settings.read(environment, settings.URL), settings.secret(environment)
    login = store.kept() if secret is None or given is None else None
    place = address.parse(given or (login.url if login else default_url))
    if secret is not None:
        return place, Bearer(secret)
    if login is None:
        raise Failure("no_login", f"Log in first: {program.name} login. Programs set MP3_TOKEN or MP3_KEY instead.")
    if place != address.parse(login.url):  # a key is for nobody else
        raise Failure("no_login", f"You are logged in at {login.url}. For {given}: {program.name} login --url {given}")
    return place, Bearer(login.secret)


def log_in(environment: Mapping[str, str], default_url: str, url: str | None) -> None:
    """Ask for an address and a password, and keep what they are good for. Raises Failure and Wrong."""
    former = store.kept()
    chosen = url or settings.read(environment, settings.URL) or (former.url if former else default_url)
    place = address.parse(chosen)
    if not sys.stdin.isatty():
        raise Wrong(
            f"{program.name} login asks for a password on a terminal. Programs set MP3_TOKEN or MP3_KEY instead."
        )
    print(f"Logging in at {place.shown}", file=sys.stderr)
    if place.is_readable_on_the_way():
        print("This connection is not encrypted: others on the way can read the password.", file=sys.stderr)
    email = input("E-mail address: ").strip()
    password = getpass.getpass("Password: ")
    login = _logged_in(place, email, password)
    where = store.keep(login)
    if former:
        _revoke(former)
    lasting = "" if login.key_id else " This service gave a token instead of a key, which ends soon."
    print(f"Logged in as {email}. It is kept in {where}.{lasting}", file=sys.stderr)


def log_out() -> None:
    """Revoke the key that is kept, and forget it. Raises Failure if there is none, or it could not be revoked."""
    login = store.kept()
    if login is None:
        raise Failure("no_login", "You are not logged in.")
    store.forget()
    failure = _revoke(login)
    if failure:
        raise Failure(
            failure.code,
            f"The key is forgotten here, but not revoked: {failure.sentence} It is the key {login.key_id} of "
            f"{login.email} at {login.url}.",
        )
    print(f"Logged out at {login.url}.", file=sys.stderr)


def _logged_in(place: Address, email: str, password: str) -> Login:
    service = Service(place, Basic(email, password), patience=0)
    name = f"mp3 on {socket.gethostname()}"[:_NAME_MOST_CHARACTERS]
    try:
        made = service.json("POST", "login", "keys", json={"name": name}, again=False)
    except Failure as failure:
        if failure.status not in _WITHOUT_KEYS:
            raise
        return _with_token(service, email)
    login = Login(place.shown, email, made["key"], made["id"])
    try:
        Service(place, Bearer(login.secret)).greet()
    except Failure as failure:
        _revoke(login)
        if failure.code != "keys_not_taken":
            raise
        return _with_token(service, email)
    return login


def _with_token(service: Service, email: str) -> Login:
    try:
        answer = service.json("POST", "login", headers={"Accept": "application/json"}, again=False)
    except Failure as failure:
        raise service.nowhere(failure) from None
    return Login(service.address.shown, email, answer["token"], None)


def _revoke(login: Login) -> Failure | None:
    """Revoke a key with itself; return why that failed."""
    if login.key_id is None:
        return None
    try:
        Service(address.parse(login.url), Bearer(login.secret)).call(
            "DELETE", "login", "keys", login.key_id, again=False
        )
    except Failure as failure:
        # It may have expired, or have been revoked elsewhere.
        return None if failure.status in (401, 404) else failure
    return None
