"""Who may import whom: the rules that keep the rooms apart, read from the sources themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"common", "backends"}
DRIVERS = {"pymongo", "gridfs", "bson", "pika", "pymysql", "smtplib", "imageio_ffmpeg", "socket"}
PASSED_ON = "functions.jobs.arguments"  # the command line that ./local/jobs passes on
WEB = {"flask", "functions_framework", "werkzeug", "gunicorn"}


def imported(source: str) -> Iterator[str]:
    """Yield every module that a source imports, anywhere in it; a relative one keeps its dots."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{name.name}" for name in node.names)


def room_of(path: Path) -> str:
    """Return the folder below functions/ that a file belongs to; "" for the files beside the rooms."""
    parts = path.parts
    return parts[1] if parts[0] == "functions" and len(parts) > 2 else ""


def violations(path: Path, source: str) -> list[str]:
    """Say what one file imports against the rules, as sentences; `path` is relative to the root."""
    return [
        f"{path} imports {module}: {complaint}" for module in imported(source) for complaint in complaints(path, module)
    ]


def complaints(path: Path, module: str) -> Iterator[str]:
    """Yield each rule that one import of one file breaks."""
    top, *rest = module.split(".")
    if module.startswith("."):
        yield "imports are absolute"
    side = path.parts[0]
    if (side, top) in {("functions", "local"), ("local", "functions")} and not module.startswith(PASSED_ON):
        yield "functions and local meet over HTTP and AMQP only"
    if side in {"functions", "local"} and top == "tests":
        yield "nothing that runs needs a test"
    if side == "functions":
        yield from complaints_in_a_room(room_of(path), top, rest[0] if rest else "")


def complaints_in_a_room(room: str, top: str, other: str) -> Iterator[str]:
    """Yield each rule about rooms that one import breaks."""
    if room and top == "functions" and other not in {room, *SHARED}:
        yield "a room imports common, backends and itself"
    if room == "common" and top in DRIVERS:
        yield "common speaks to nothing outside the process"
    if room == "common" and (top, other) == ("functions", "backends"):
        yield "common is below backends"
    if room == "backends" and top in WEB:
        yield "a backend knows no web"


def sources() -> list[Path]:
    """Return every Python file under the rules, relative to the root."""
    return sorted(path.relative_to(ROOT) for side in ("functions", "local") for path in (ROOT / side).rglob("*.py"))


def test_no_file_breaks_the_import_rules() -> None:
    files = sources()
    assert {room_of(path) for path in files} >= {"login", "upload", "convert", "notify", "download", "sweep"}
    assert [complaint for path in files for complaint in violations(path, (ROOT / path).read_text())] == []


def test_few_imports_stand_within_functions() -> None:
    """Each delays something heavy: the drivers, the engine, the broker's client, PyJWT, Prometheus' client."""
    within = [
        f"{path}: {ast.unparse(node)}"
        for path in sources()
        if path.parts[0] == "functions"
        for function in ast.parse((ROOT / path).read_text()).body
        if isinstance(function, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(within) <= 15, within


def test_tests_import_absolutely() -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")]
    relative = [(path, name) for path in files for name in imported((ROOT / path).read_text()) if name[0] == "."]
    assert relative == []


@pytest.mark.parametrize(
    ("path", "line", "complaint"),
    [
        ("functions/upload/main.py", "from functions.convert import engine", "a room imports"),
        ("functions/upload/main.py", "import functions.convert.engine", "a room imports"),
        ("functions/upload/main.py", "from functions import convert", "a room imports"),
        ("functions/upload/main.py", "from functions import serve", "a room imports"),
        ("functions/common/web.py", "from functions.login import main", "a room imports"),
        ("functions/backends/jobs.py", "from functions.upload import main", "a room imports"),
        ("functions/upload/main.py", "from . import receive", "absolute"),
        ("functions/upload/main.py", "from ..common import web", "absolute"),
        ("functions/upload/main.py", "from local import ports", "meet over HTTP"),
        ("local/status.py", "from functions.common import config", "meet over HTTP"),
        ("local/status.py", "import functions", "meet over HTTP"),
        ("local/arguments.py", "from functions.jobs import actions", "meet over HTTP"),
        ("functions/common/events.py", "import pika", "nothing outside"),
        ("functions/common/events.py", "def later():\n    from pymongo.errors import PyMongoError", "nothing outside"),
        ("functions/common/events.py", "from functions.backends import jobs", "below backends"),
        ("functions/backends/files.py", "import flask", "knows no web"),
        ("functions/backends/files.py", "from werkzeug.exceptions import NotFound", "knows no web"),
        ("functions/serve.py", "from tests import media", "needs a test"),
    ],
)
def test_a_planted_violation_is_caught(path: str, line: str, complaint: str) -> None:
    found = violations(Path(path), line)
    assert len(found) == 1
    assert complaint in found[0]


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
    ],
)
def test_what_the_rules_allow_is_not_caught(path: str, line: str) -> None:
    assert violations(Path(path), line) == []
