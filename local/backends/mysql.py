"""MySQL: a private MariaDB, or the server in MYSQL_URL."""

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pymysql

from local.backends.backend import Backend
from local.home import ROOT, Home
from local.ports import HOST
from local.problem import Problem
from local.processes.program import BACKENDS, Program
from local.secret_files import SecretFiles

DATABASE = "mp3converter"
SCHEMA = ROOT / "knative" / "base" / "schema.sql"
GRANTS = ROOT / "knative" / "base" / "grants.sql"
USERS = ("login", "reader", "sweep", "migrate")
MIGRATION_SECONDS = 600
ROOM_MB = 150  # of which the log of InnoDB takes 100 at once


def external(url: str) -> Backend:
    """Return the backend of an external server."""
    return Backend("mysql", url, lambda: answers(url), provision=lambda: apply_schema(url))


def private(home: Home, port: int, secrets: SecretFiles) -> Backend:
    """Return a private MariaDB; its data folder is created by the first start."""
    folder = home.data / "mariadb"
    rights = secrets.write("mariadb-rights.sql", _rights(secrets))
    command = [
        *_as_root("mariadbd", "--no-defaults"),
        f"--datadir={folder}",
        f"--tmpdir={home.tmp}",
        "--socket=mariadb.sock",  # relative to the data folder, whose full path may be too long for a socket
        f"--port={port}",
        f"--bind-address={HOST}",
        f"--pid-file={home.run / 'mariadb.pid'}",
        "--skip-log-bin",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--skip-name-resolve",
        f"--init-file={rights}",
    ]
    # check as root: the others can connect to the database only once they have a right on a table
    root = root_url(port, secrets)

    def provision() -> None:
        apply_schema(root)
        _grant(root)

    program = Program("mariadb", BACKENDS, command, lambda: answers(root))
    url = user_url("login", port, secrets)
    return Backend("mysql", url, program.healthy, [program], lambda: _install(home, folder), provision)


def root_url(port: int, secrets: SecretFiles) -> str:
    """Return root's URL, which creates the schema; tests use it too."""
    return user_url("root", port, secrets)


def user_url(user: str, port: int, secrets: SecretFiles) -> str:
    """Return the URL of a user of the private server."""
    password = quote(secrets.read(f"mysql_{user}_password"), safe="")
    return f"mysql://{user}:{password}@{HOST}:{port}/{DATABASE}?tls=none"


def apply_schema(url: str) -> None:
    """Create the tables of a new database, or bring those of an earlier version up to date."""
    try:
        with connect(url) as connection, connection.cursor() as cursor:
            known = cursor.execute("SHOW TABLES LIKE 'user'")
            if not known:
                _run(cursor, SCHEMA.read_text())
    except pymysql.Error as error:
        raise Problem(
            f"The tables of {SCHEMA.relative_to(ROOT)} could not be created: {error.args[-1]}. "
            "Create them yourself, or set MYSQL_URL to a user that may create tables."
        ) from error
    if known:
        _migrate(url)


def _migrate(url: str) -> None:
    command = [sys.executable, "-E", "-s", "-m", "functions.login", "migrate"]
    environment = {"MYSQL_URL": url, "PATH": os.environ["PATH"]}
    try:
        subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=MIGRATION_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        raise Problem(
            "The tables of users could not be brought up to date. Run: ./local/users migrate, with MYSQL_URL set to a "
            f"user that may alter them.\n{(getattr(error, 'stderr', '') or '').strip()}"
        ) from error


def _grant(url: str) -> None:
    """Give each user only the rights it needs; a right on a table can only be granted once the table exists."""
    with connect(url) as connection, connection.cursor() as cursor:
        _run(cursor, GRANTS.read_text().replace("'%'", "'127.0.0.1'"))


def _run(cursor: Any, text: str) -> None:
    for statement in filter(str.strip, text.split(";")):
        cursor.execute(statement)


def connect(url: str) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """Open a connection to a mysql:// URL."""
    parts = urlsplit(url)
    plain = parse_qs(parts.query).get("tls", ["required"])[-1] == "none"  # as the functions do
    return pymysql.connect(
        host=parts.hostname or HOST,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.lstrip("/") or None,
        connect_timeout=5,
        autocommit=True,
        ssl_disabled=plain,
        ssl=None if plain else ssl.create_default_context(),
    )


def answers(url: str) -> bool:
    """Tell whether the server at this URL accepts us."""
    try:
        connect(url).close()
    except pymysql.Error:
        return False
    return True


def _install(home: Home, folder: Path) -> None:
    if folder.exists():
        return
    free = shutil.disk_usage(home.path).free // 10**6
    if free < ROOM_MB:
        raise Problem(
            f"{free} MB are free in {home.path}, and a new database alone needs {ROOM_MB}. "
            "Free some space, or set LOCAL_HOME to a folder on another disk."
        )
    unfinished = folder.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        *_as_root("mariadb-install-db", "--no-defaults"),
        f"--datadir={unfinished}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--force",  # otherwise it fails on machines whose host name does not resolve
        f"--tmpdir={home.tmp}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode:
        raise Problem(f"MariaDB's data folder could not be created:\n{(result.stdout + result.stderr).strip()}")
    unfinished.rename(folder)


def _as_root(program: str, first: str) -> list[str]:
    return [program, first, "--user=root"] if os.geteuid() == 0 else [program, first]


def _rights(secrets: SecretFiles) -> str:
    """Return the SQL that MariaDB runs before it accepts connections: root has no password in a new data folder."""
    root = secrets.read("mysql_root_password")
    statements = [
        "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host NOT IN ('localhost', '127.0.0.1')",
        "FLUSH PRIVILEGES",
        # Not CREATE OR REPLACE, which would drop their rights: this runs at every start, also after a crash.
        *(f"CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1'" for user in USERS),
        *(
            f"ALTER USER '{user}'@'127.0.0.1' IDENTIFIED BY '{secrets.read(f'mysql_{user}_password')}'"
            for user in USERS
        ),
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}'",
        f"ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{root}'",
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4",
    ]
    return "".join(f"{statement};\n" for statement in statements)
