"""MySQL: a private MariaDB, or the server in MYSQL_URL."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path
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
PACKAGE = "mariadb-server"


def external(url: str) -> Backend:
    """Return the backend of an external server."""
    return Backend("mysql", url, lambda: answers(url), provision=lambda: apply_schema(url))


def private(home: Home, port: int, secrets: SecretFiles) -> Backend:
    """Return a private MariaDB; its data folder is created by the first start."""
    folder = home.data / "mariadb"
    rights = secrets.write("mariadb-rights.sql", _rights(secrets))
    url = f"mysql://login:{quote(secrets.read('mysql_login_password'), safe='')}@{HOST}:{port}/{DATABASE}?tls=none"
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
    # check as root: login can connect to the database only once it has a right on a table
    root = root_url(port, secrets)

    def provision() -> None:
        apply_schema(root)
        _grant(root)

    program = Program("mariadb", BACKENDS, command, lambda: answers(root))
    return Backend("mysql", url, program.healthy, [program], lambda: _install(home, folder), provision)


def root_url(port: int, secrets: SecretFiles) -> str:
    """Return root's URL, which creates the schema; tests use it too."""
    return f"mysql://root:{quote(secrets.read('mysql_root_password'), safe='')}@{HOST}:{port}/{DATABASE}?tls=none"


def apply_schema(url: str) -> None:
    """Create the tables that do not exist yet."""
    try:
        with connect(url) as connection, connection.cursor() as cursor:
            for statement in filter(str.strip, SCHEMA.read_text().split(";")):
                cursor.execute(statement)
    except pymysql.Error as error:
        raise Problem(
            f"The tables of {SCHEMA.relative_to(ROOT)} could not be created: {error.args[-1]}. "
            "Create them yourself, or set MYSQL_URL to a user that may create tables."
        ) from error


def _grant(url: str) -> None:
    """Give login only the rights it needs; a right on a table can only be granted once the table exists."""
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {DATABASE}.user TO 'login'@'127.0.0.1'")


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
    root, login = secrets.read("mysql_root_password"), secrets.read("mysql_login_password")
    statements = [
        "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host NOT IN ('localhost', '127.0.0.1')",
        "FLUSH PRIVILEGES",
        # Not CREATE OR REPLACE, which would drop login's rights: this runs at every start, also after a crash.
        "CREATE USER IF NOT EXISTS 'login'@'127.0.0.1'",
        f"ALTER USER 'login'@'127.0.0.1' IDENTIFIED BY '{login}'",
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}'",
        f"ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{root}'",
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4",
    ]
    return "".join(f"{statement};\n" for statement in statements)
