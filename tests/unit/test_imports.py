"""The rules about imports, checked in the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local import stack_file

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"common", "backends"}
DRIVERS = {"pymongo", "gridfs", "bson", "pika", "pymysql", "smtplib", "imageio_ffmpeg", "socket"}
# Declarations that need only the standard library, which local reads instead of repeating them.
DECLARATIONS = {
    "local/arguments.py": ("functions.jobs.arguments", "functions.login.arguments"),
    "local/setting_names.py": ("functions.common.settings", "functions.common.config.Settings"),
}
RELATIVE = re.compile(r"^\s*from\s+\.", re.M)  # all tests would take a second to parse
WEB = {"flask", "functions_framework", "werkzeug", "gunicorn"}


@cache
def imports(source: str) -> list[tuple[bool, ast.Import | ast.ImportFrom]]:
    """Return every import of a source, and whether it is inside a function or a class."""
    return [
        (isinstance(statement, ast.FunctionDef | ast.ClassDef), node)
        for statement in ast.parse(source).body
        for node in ast.walk(statement)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def imported(source: str) -> Iterator[str]:
    """Yield every module that a source imports anywhere; relative imports keep their dots."""
    for _, node in imports(source):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        else:
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{name.name}" for name in node.names)


def room_of(path: Path) -> str:
    """Return the folder below functions/ that a file belongs to, or "" for files in functions/ itself."""
    parts = path.parts
    return parts[1] if parts[0] == "functions" and len(parts) > 2 else ""


def violations(path: Path, source: str) -> list[str]:
    """Return a file's violations of the rules; `path` is relative to the root."""
    return [f"{path} imports {module}: {rule}" for module in imported(source) for rule in broken_rules(path, module)]


def broken_rules(path: Path, module: str) -> Iterator[str]:
    """Yield each rule that an import violates."""
    top, *rest = module.split(".")
    if module.startswith("."):
        yield "imports are absolute"
    side = path.parts[0]
    across = (side, top) in {("functions", "local"), ("local", "functions")}
    if across and module not in DECLARATIONS.get(str(path), ()):
        yield "functions and local communicate only over HTTP and AMQP"
    if side in {"functions", "local"} and top == "tests":
        yield "code must not import tests"
    if side == "functions":
        yield from broken_room_rules(room_of(path), top, rest[0] if rest else "")


def broken_room_rules(room: str, top: str, other: str) -> Iterator[str]:
    """Yield each rule about rooms that an import violates."""
    if room and top == "functions" and other not in {room, *SHARED}:
        yield "a room imports only common, backends and itself"
    if room == "common" and top in DRIVERS:
        yield "common has no access to outside systems"
    if room == "common" and (top, other) == ("functions", "backends"):
        yield "common must not import backends"
    if room == "backends" and top in WEB:
        yield "a backend must not import web frameworks"


def sources() -> list[Path]:
    """Return every Python file that the rules apply to, relative to the root."""
    return sorted(path.relative_to(ROOT) for side in ("functions", "local") for path in (ROOT / side).rglob("*.py"))


def test_no_file_breaks_the_import_rules() -> None:
    files = sources()
    assert {room_of(path) for path in files} >= set(stack_file.functions())
    assert [rule for path in files for rule in violations(path, (ROOT / path).read_text())] == []


def test_few_imports_are_inside_functions() -> None:
    """Each delays something heavy: drivers, engine, clients (RabbitMQ, Prometheus, webhooks), PyJWT, zips, tags, feeds.

    Every function has one, for its step.
    """
    within = [
        f"{path}: {ast.unparse(node)}"
        for path in sources()
        if path.parts[0] == "functions"
        for inside, node in imports((ROOT / path).read_text())
        if inside
    ]
    assert len(within) <= len(stack_file.functions()) + 15, within


def test_tests_import_absolutely() -> None:
    files = list((ROOT / "tests").rglob("*.py"))
    assert [path for path in files if RELATIVE.search(path.read_text())] == []


@pytest.mark.parametrize(
    "line", ["from . import x", "from .x import y", "    from ..x import y", "\tfrom  .x import y"]
)
def test_a_relative_import_is_found_anywhere(line: str) -> None:
    assert RELATIVE.search(f"import os\n{line}\n")


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("functions/upload/main.py", "from functions.convert import engine", "a room imports only"),
        ("functions/upload/main.py", "import functions.convert.engine", "a room imports"),
        ("functions/upload/main.py", "from functions import convert", "a room imports"),
        ("functions/upload/main.py", "from functions import serve", "a room imports"),
        ("functions/common/web.py", "from functions.login import main", "a room imports"),
        ("functions/backends/jobs.py", "from functions.upload import main", "a room imports"),
        ("functions/upload/main.py", "from . import receive", "absolute"),
        ("functions/upload/main.py", "from ..common import web", "absolute"),
        ("functions/upload/main.py", "from local import ports", "communicate only over HTTP"),
        ("local/status.py", "from functions.common import config", "communicate only over HTTP"),
        ("local/status.py", "import functions", "communicate only over HTTP"),
        ("local/arguments.py", "from functions.jobs import actions", "communicate only over HTTP"),
        ("local/status.py", "from functions.jobs import arguments", "communicate only over HTTP"),
        ("local/services.py", "from functions.common import settings", "communicate only over HTTP"),
        ("functions/upload/main.py", "from local import setting_names", "communicate only over HTTP"),
        ("functions/common/events.py", "import pika", "no access"),
        ("functions/common/events.py", "def later():\n    from pymongo.errors import PyMongoError", "no access"),
        ("functions/common/events.py", "from functions.backends import jobs", "must not import backends"),
        ("functions/backends/files.py", "import flask", "must not import web"),
        ("functions/backends/files.py", "from werkzeug.exceptions import NotFound", "must not import web"),
        ("functions/serve.py", "from tests import media", "must not import tests"),
    ],
)
def test_a_violation_is_found(path: str, line: str, rule: str) -> None:
    found = violations(Path(path), line)
    assert len(found) == 1
    assert rule in found[0]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("functions/upload/main.py", "from functions.common import web"),
        ("functions/upload/main.py", "from functions.backends import files, jobs"),
        ("functions/upload/main.py", "from functions.upload import receive"),
        ("functions/backends/jobs.py", "import pymongo\nfrom functions.common import transitions"),
        ("functions/serve.py", "from functions.common import web\nimport flask"),
        ("functions/common/web.py", "import flask"),
        ("local/arguments.py", "from functions.jobs import arguments"),
        ("local/setting_names.py", "from functions.common import settings"),
    ],
)
def test_allowed_imports_are_accepted(path: str, line: str) -> None:
    assert violations(Path(path), line) == []
