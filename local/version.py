"""The version of this clone, read from pyproject.toml."""

import tomllib

from local.home import ROOT


def own() -> str:
    """Return the version, such as 0.6.0."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
