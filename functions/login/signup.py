"""Sign-up and recovery over HTTP: the same answer for every address, and the pages behind the links in letters."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from flask import Request, Response

from functions.backends import mail, mail_tokens, users
from functions.common import access, errors, links, web
from functions.common.config import Loaded
from functions.common.errors import Failure
from functions.common.settings import Links, Registering, SignedLinks
from functions.login import changes, credentials, letter_pages, registration, throttle
from functions.login.mail_links import MailLinks
from functions.login.registration import Registry

_log = logging.getLogger(__name__)

# A relay that takes minutes must not hold the threads that logins need.
_WRITING = threading.BoundedSemaphore(8)
_SENT = "If this address can have an account here, a mail is on its way. Its link works once and expires after a day."
_CONFIRMED = "This address is confirmed. You can log in now."
_RESET = "The new password is set. You can log in now."
_MAILS_OFF = "You get no more mails about your conversions. To turn them on again, change your account."


def register(request: Request, loaded: Loaded) -> Response:
    """Take a new user's address and password, and write a letter with a link that confirms the address."""
    web.allow(request, "POST")
    if loaded[Registering].registration == "closed":
        raise Failure(errors.REGISTRATION_CLOSED)
    wanted = credentials.fields(request, "email", "password")
    address = changes.address(wanted["email"])
    _throttle(request)  # before a hash is computed
    password = changes.hashed(wanted["password"], address)
    return _written(loaded, partial(registration.register, address=address, password=password), address)


def recover(request: Request, loaded: Loaded) -> Response:
    """Write a letter with a link that sets a new password."""
    web.allow(request, "POST")
    address = changes.address(credentials.fields(request, "email")["email"])
    _throttle(request)
    return _written(loaded, partial(registration.recover, address=address), address)


def confirm(request: Request, loaded: Loaded) -> Response:
    """Show a page with a button, because programs that check mails follow links; confirm the address for who pushes it.

    Raises Failure(USED_LINK).
    """
    if _is_look(request):
        return _form("Confirm your address", "One click, and you can log in.", "Confirm", request)
    registry, given = _registry(loaded), _given(request, "token")
    return _ended(request, lambda: registration.confirm(registry, given["token"]), "Confirmed", _CONFIRMED)


def reset(request: Request, loaded: Loaded) -> Response:
    """Show a page that asks for a new password; set it. Raises Failure: USED_LINK, WEAK_PASSWORD or COMMON_PASSWORD."""
    title, text, button = "Set a new password", "It replaces the password you had.", "Set the password"
    if _is_look(request):
        return _form(title, text, button, request, password=True)
    registry, given = _registry(loaded), _given(request, "token", "password")
    try:
        work = partial(registration.reset, registry, given["token"], given["password"])
        return _ended(request, work, "Password set", _RESET)
    except Failure as failure:
        if not _is_form(request) or failure.kind not in (errors.WEAK_PASSWORD, errors.COMMON_PASSWORD):
            raise
        hidden = {"token": given["token"]}
        content = letter_pages.form(text, button, hidden=hidden, password=True, error=failure.kind.title)
        return letter_pages.answer(request, title, content, failure.kind.status)


def mails(request: Request, loaded: Loaded) -> Response:
    """Stop the mails about conversions of the link's user, without a login (RFC 8058). Raises Failure(INVALID_LINK)."""
    is_look = _is_look(request)
    user = int(links.read_unsubscribe(web.query(request).get("u", ""), loaded[SignedLinks]))
    if is_look:
        return _form("Stop mails", "You will get no more mails about your conversions.", "Stop them", request)
    access.about(user=str(user))
    return _ended(request, lambda: users.connect().set_told(user, {"mails": False}), "Mails are off", _MAILS_OFF)


def _throttle(request: Request) -> None:
    """Raise Failure(TOO_MANY_TRIES) if the client asked for too many letters."""
    throttled = throttle.connect()
    throttled.letter(throttled.address(request))


def _written(loaded: Loaded, work: Callable[[Registry], object], address: str) -> Response:
    """Answer, and only then do what differs between addresses."""
    registry = _registry(loaded)
    registry.users.find(address)  # if the database is away, the person should know

    def write() -> None:
        if not _WRITING.acquire(blocking=False):
            _log.warning("letter not written", extra={"cause": "too many at once"})
            return
        try:
            work(registry)
        except Failure as failure:
            _log.warning("letter not written", extra={"code": failure.kind.code, "cause": repr(failure.__cause__)})
        finally:
            _WRITING.release()

    web.after_response(write)
    return web.answer({"message": _SENT}, 202)


def _registry(loaded: Loaded) -> Registry:
    mail_links = MailLinks(loaded[Links], loaded[SignedLinks])
    return Registry(users.connect(), mail_tokens.connect(), mail.connect(), mail_links)


def _is_look(request: Request) -> bool:
    web.allow(request, "GET", "HEAD", "POST")
    return request.method != "POST"


def _form(title: str, text: str, button: str, request: Request, *, password: bool = False) -> Response:
    hidden = {name: value for name, value in web.query(request).items() if name == "token"}
    return letter_pages.answer(request, title, letter_pages.form(text, button, hidden=hidden, password=password))


def _ended(request: Request, work: Callable[[], object], title: str, text: str) -> Response:
    if not _is_form(request):
        work()
        return web.answer({"message": text})
    try:
        work()
    except Failure as failure:
        if failure.kind is not errors.USED_LINK:
            raise
        note = letter_pages.note(request, failure.kind.title)
        return letter_pages.answer(request, "This link does not work", note, failure.kind.status)
    return letter_pages.answer(request, title, letter_pages.note(request, text))


def _given(request: Request, *names: str) -> dict[str, str]:
    if not _is_form(request):
        return credentials.fields(request, *names)
    found = web.form(request)
    if not found.keys() >= set(names):
        raise Failure(errors.BAD_REQUEST)
    return found


def _is_form(request: Request) -> bool:
    return request.mimetype == "application/x-www-form-urlencoded"
