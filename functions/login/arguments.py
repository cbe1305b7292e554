"""The arguments of the operator's command line, and its help; ./local/users parses them before it installs anything."""

from __future__ import annotations

import argparse


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser of the command line, with this program's name in its messages."""
    found = argparse.ArgumentParser(
        prog=program,
        allow_abbrev=False,
        description="Add, list, disable, enable and remove users, and bring their tables up to date.",
        epilog="Needs MYSQL_URL or MYSQL_URL_FILE, and TOKEN_TTL_SECONDS if it is not the default for login. Without "
        "MYSQL_URL, ./local/users uses the local system.",
    )
    actions = found.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, meaning: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")

    add = action("add", "add a user, who can log in at once")
    add.add_argument("email", help="the address to log in with and to send mail to")
    add.add_argument("--password", help="the password; by default one is generated and printed")
    action("list", "list the users, with their state").add_argument(
        "--json", action="store_true", help="print a line of JSON for each"
    )
    for name, meaning in (
        ("disable", "stop a user from logging in; tokens that are out stay valid until they expire"),
        ("enable", "let a disabled user log in again"),
        ("remove", "close an account at once; sweep then deletes its jobs, its files and the user"),
    ):
        action(name, meaning).add_argument("email", help="the user's address")
    action("migrate", "bring the tables up to date; needs a user of MySQL who may alter them")
    return found
