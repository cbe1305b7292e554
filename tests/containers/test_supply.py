"""What an image installs: nothing but files of the known hashes, all of it listed, and looked up by an operator."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from local.home import ROOT
from tests.containers.building import FUNCTIONS
from tests.containers.test_recipe import pins

SCRIPTS = ROOT / "functions"
TIMEOUT_SECONDS = 120


def options() -> list[str]:
    """Return the options with which the Dockerfile installs packages."""
    text = (SCRIPTS / "Dockerfile").read_text().replace("\\\n", " ")
    (words,) = re.findall(r"python -m pip .* install (.*) --requirement /requirements\.txt", text)
    return shlex.split(words)


def wheel(folder: Path) -> Path:
    """Create a small package."""
    path = folder / "small-1.0-py3-none-any.whl"
    files = {
        "small.py": "VALUE = 1\n",
        "small-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        "small-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        record = ["small-1.0.dist-info/RECORD,,"]
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(text)}")
        archive.writestr("small-1.0.dist-info/RECORD", "\n".join(record) + "\n")
    return path


def install(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Install a requirement from a folder as the Dockerfile does."""
    (folder / "requirements.txt").write_text(line)
    place = ["--no-index", "--find-links", str(folder), "--target", str(folder / "installed")]
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", *options(), *place, "--requirement", str(folder / "requirements.txt")],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


@pytest.mark.attack("S9")
def test_a_package_that_was_changed_is_not_installed(tmp_path: Path) -> None:
    """By one bit; nor is one whose hash is another, or unknown."""
    package = wheel(tmp_path)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    known = f"small==1.0 --hash=sha256:{digest}\n"
    for line in ("small==1.0\n", f"small --hash=sha256:{digest}\n", known.replace(digest, digest[::-1])):
        refused = install(tmp_path, line)
        assert refused.returncode == 1
        assert "hash" in refused.stderr.lower() or "pinned" in refused.stderr.lower()
    good = package.read_bytes()
    at = good.index(b"VALUE = 1")
    package.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    refused = install(tmp_path, known)
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "installed").exists()
    package.write_bytes(good)
    assert install(tmp_path, known).returncode == 0
    assert (tmp_path / "installed" / "small.py").exists()


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bills of materials of all images."""
    folder = tmp_path_factory.mktemp("sbom")
    found = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([SCRIPTS / "sbom.sh", folder], check=True, env=found, timeout=TIMEOUT_SECONDS)
    return folder


@pytest.mark.attack("S9")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_bill_of_materials_lists_what_an_image_installs(function: str, bills: Path) -> None:
    room = SCRIPTS / function / "requirements.txt"
    bill = json.loads((bills / f"{function}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    packages = [each for each in bill["components"] if each["purl"].startswith("pkg:pypi/")]
    assert len(packages) == len(bill["components"]) or function == "page"
    listed = {re.sub(r"[-_.]+", "-", each["name"]).lower(): each["version"] for each in packages}
    assert listed == pins(room)
    hashes = {
        entry["content"]
        for each in packages
        for reference in each["externalReferences"]
        for entry in reference.get("hashes", [])
    }
    assert hashes == set(re.findall(r"--hash=sha256:(\w+)", room.read_text()))


@pytest.mark.attack("S9")
def test_the_bill_of_the_page_lists_what_its_files_contain(bills: Path) -> None:
    """Each package whose licence is beside the page, with the hash of what npm installs."""
    bill = json.loads((bills / "page.cdx.json").read_text())
    packages = {each["name"]: each for each in bill["components"] if each["purl"].startswith("pkg:npm/")}
    text = (SCRIPTS / "page" / "built" / "licences.txt").read_text()
    contained = re.findall(r"^(\S+) (\S+)\nLicence: (.+)$", text, re.M)
    assert {name for name, _, _ in contained} >= {"mediabunny", "qrcode-generator"}
    for name, version, licence in contained:
        assert (packages[name]["version"], packages[name]["licenses"]) == (version, [{"expression": licence}])
    assert not {"axe-core", "typescript", "@esbuild/linux-x64"} & packages.keys()
    lock = json.loads((SCRIPTS / "page" / "app" / "package-lock.json").read_text())
    for name, package in packages.items():
        [found] = package["externalReferences"][0]["hashes"]
        digest = base64.b64encode(bytes.fromhex(found["content"])).decode()
        assert (found["alg"], lock["packages"][f"node_modules/{name}"]["integrity"]) == ("SHA-512", f"sha512-{digest}")
    assert packages["@types/dom-webcodecs"]["purl"].startswith("pkg:npm/%40types/dom-webcodecs@")


@pytest.mark.attack("S9")
@pytest.mark.parametrize("failing", ["", "uvx", "npm"])
def test_an_audit_looks_up_every_image(failing: str, tmp_path: Path) -> None:
    """The advisories themselves are on the internet, so stand-ins for uvx and npm tell what they were asked."""
    for name in ("uvx", "npm"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$@"\nexit {int(name == failing)}\n')
        program.chmod(0o755)
    done = subprocess.run(
        [SCRIPTS / "audit.sh"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == int(bool(failing))
    npm, uvx = done.stdout.splitlines()
    assert npm == "--prefix functions/page/app audit --package-lock-only"
    asked = uvx.split()
    assert asked[0].startswith("pip-audit@")
    assert {"--strict", "--require-hashes"} <= set(asked)
    assert {word.split("/")[1] for word in asked if word.startswith("functions/")} == set(FUNCTIONS)
