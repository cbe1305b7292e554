"""Add npm's packages that the page is built from to the bill of materials of its image, for sbom.sh."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

LOCK = Path(__file__).parent / "page" / "app" / "package-lock.json"
_FOLDER = "node_modules/"


def components(lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a component (CycloneDX 1.6) for each package of a lock file that no test and no single platform needs."""
    for place, package in lock["packages"].items():
        if not place or package.get("dev") or package.get("optional"):
            continue
        name, version = place.rpartition(_FOLDER)[2], package["version"]
        purl = f"pkg:npm/{quote(name, safe='/')}@{quote(version)}"
        kind, _, digest = package["integrity"].partition("-")
        hashes = [{"alg": kind.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}]
        url = f"https://registry.npmjs.org/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        yield {
            "bom-ref": purl,
            "externalReferences": [{"hashes": hashes, "type": "distribution", "url": url}],
            "licenses": [{"expression": package["license"]}],
            "name": name,
            "purl": purl,
            "type": "library",
            "version": version,
        }


def main(bill: Path) -> None:
    """Add the packages of the page to a bill."""
    content = json.loads(bill.read_text())
    found = list(components(json.loads(LOCK.read_text())))
    content["components"] += found
    content["dependencies"] += [{"ref": each["bom-ref"]} for each in found]
    bill.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
