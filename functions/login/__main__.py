"""The operator's command line: python -m functions.login add|list|disable|enable|remove|migrate, with MYSQL_URL."""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
from collections.abc import Iterator

from functions.backends import mysql, users
from functions.backends.users import ACTIVE, DISABLED, User
from functions.common import config, errors
from functions.common import log as logs
from functions.common.config import ConfigError
from functions.common.errors import Failure
from functions.common.settings import TokenLife
from functions.login import arguments, changes, migrate

_log = logging.getLogger("functions.login")

_PAGE = 1000
_SENTENCES = {
    errors.NOT_FOUND: "No user has the address {email}.",
    errors.EMAIL_TAKEN: "The user {email} already exists.",
    errors.INVALID_EMAIL: "{email} is not a valid e-mail address.",
    errors.UNAVAILABLE: "MySQL is unavailable, or its tables are older than this version (see migrate). Nothing was "
    "lost; run the command again later.",
}


def main() -> int:
    """Run one command; return the exit status: 0 for success, 1 for failure, 2 for wrong arguments."""
    options = arguments.parser("python -m functions.login").parse_args()
    logs.setup("login", "WARNING")
    try:
        _ACTIONS[options.action](options)
        return 0
    except ConfigError as error:
        message = f"cannot start: {error}"
    except Failure as failure:
        if not failure.kind.permanent:
            _log.error("not done", extra={"code": failure.kind.code, "cause": repr(failure.__cause__)})
        message = _SENTENCES.get(failure.kind, failure.kind.title).format(email=getattr(options, "email", ""))
    print(message, file=sys.stderr)
    return 1


def _add(options: argparse.Namespace) -> None:
    password = options.password or secrets.token_urlsafe(12)
    added = changes.add(users.connect(), options.email, password)
    print(f"{added.email} can log in now.")
    if not options.password:
        print(f"Password, shown only once: {password}")


def _list(options: argparse.Namespace) -> None:
    row = "{:>8}  {:8}  {:20}  {}"
    if not options.json:
        print(row.format("ID", "STATE", "CREATED", "ADDRESS"))
    for user in _all():
        created = f"{user.created_at:%Y-%m-%dT%H:%M:%SZ}" if user.created_at else None
        if options.json:
            fields = {"id": str(user.id), "email": user.email, "state": user.state, "created": created}
            print(json.dumps(fields | {"mails": user.mails}))
        else:
            print(row.format(user.id, user.state, created or "unknown", ascii(user.email)[1:-1]))


def _all() -> Iterator[User]:
    last = 0
    while page := users.connect().page(last, _PAGE):
        yield from page
        last = page[-1].id


def _disable(options: argparse.Namespace) -> None:
    _change(options.email, ACTIVE, DISABLED)
    print("Disabled.")


def _enable(options: argparse.Namespace) -> None:
    _change(options.email, DISABLED, ACTIVE)
    print("Enabled.")


def _change(email: str, before: str, after: str) -> None:
    user = _found(email)
    if user.state != after and not users.connect().change_state(user.id, after, before):
        raise Failure(errors.WRONG_STATE)


def _remove(options: argparse.Namespace) -> None:
    users.connect().close(_found(options.email).id, config.load(TokenLife).token_ttl)
    print("Closed. sweep deletes the jobs and files, then the user.")


def _found(email: str) -> User:
    user = users.connect().find(email)
    if user is None:
        raise Failure(errors.NOT_FOUND)
    return user


def _migrate(_: argparse.Namespace) -> None:
    mysql.connect().run(migrate.run)
    print("The tables are up to date.")


_ACTIONS = {"add": _add, "list": _list, "disable": _disable, "enable": _enable, "remove": _remove, "migrate": _migrate}


if __name__ == "__main__":
    sys.exit(main())
