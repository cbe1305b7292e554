"""Each command in a README is tested, or marked as needing a cluster; real programs accept the marked ones too."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import uuid
from pathlib import Path

import pytest

from local import arguments
from tests.cluster.conftest import KUBECONFIG
from tests.cluster.stand_in import USAGE_ERRORS
from tests.manifests.building import KUBECTL
from tests.readme import FILES, ROOT, Line, lines

# The test that runs a program's lines.
TESTED = {
    "curl": "tests/system/test_readme.py",
    "faas-cli": "tests/e2e/test_faas_cli.py",
    "docker": "tests/containers/test_images.py",
    "tar": "tests/test_readme_blocks.py",
}
# Responses and paths are not commands.
_RESPONSE = re.compile(r"[{]|eyJ")
_PATH = re.compile(r"([\w.-]+/)+$|[\w.]+\.(py|yml)$|Dockerfile$")


def _untested(line: Line) -> bool:
    if line.marked or _RESPONSE.match(line.text) or _PATH.match(line.program):
        return False
    if line.program.startswith("./local/"):
        return False  # test_every_local_command_is_accepted
    test = TESTED.get(line.program)
    return not test or not (ROOT / test).is_file()


def test_every_line_is_tested_or_marked() -> None:
    assert {line.file for line in lines()} == set(FILES)
    assert [line for line in lines() if _untested(line)] == []


@pytest.mark.parametrize("text", ["kubectl get pods", "kn service list", "rm -rf x", "mysqldump x"])
def test_an_unmarked_line_is_found(text: str) -> None:
    assert _untested(Line("README.md", text, False))


def _local_commands() -> list[str]:
    texts = {line.text for line in lines() if line.program.startswith("./local/")}
    return sorted(re.split(r"\s{2,}|\s#|\s\|\s", text)[0] for text in texts)


@pytest.mark.parametrize("text", _local_commands())
def test_every_local_command_is_accepted(text: str) -> None:
    command, *words = text.replace("[NAME]", "").replace(" ID", f" {uuid.uuid4()}").split()
    assert os.access(ROOT / command, os.X_OK)
    name = command.removeprefix("./local/")
    optional = re.search(r"\[[^]]+\]|\|", text)
    named = re.findall(r"--[a-z-]+", text)
    if optional:
        with pytest.raises(SystemExit) as caught:
            arguments.parse(name, ["--help"])
        assert caught.value.code == 0
        options = subprocess.run(
            [ROOT / command, "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert [option for option in named if option not in options] == []
    else:
        assert arguments.parse(name, words)


def _kubectl() -> list[str]:
    return sorted({re.split(r" \||>", line.text)[0] for line in lines() if line.program == "kubectl"})


@pytest.mark.parametrize("text", _kubectl())
def test_kubectl_accepts_every_line(text: str, tmp_path: Path) -> None:
    """It fails only because it cannot reach a cluster."""
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG + "current-context: kind-mp3converter\n")
    command = [str(KUBECTL), *shlex.split(text)[1:]]
    environment = {**os.environ, "KUBECONFIG": str(config)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, input="", check=False
    )
    assert done.returncode != 0
    assert not [error for error in USAGE_ERRORS if error in done.stderr], done.stderr
    assert "refused" in done.stderr, done.stderr


def test_a_backup_of_one_machine_comes_back(tmp_path: Path) -> None:
    pack, unpack = [line.text for line in lines("README.md") if line.program == "tar"]
    kept = tmp_path / ".local" / "secrets" / "jwt"
    kept.parent.mkdir(parents=True, mode=0o700)
    kept.write_text("key")
    for command in (pack, "rm -r .local", unpack):
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True, timeout=60)
    assert kept.read_text() == "key"
    assert kept.parent.stat().st_mode & 0o777 == 0o700
