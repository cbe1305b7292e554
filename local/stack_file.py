"""stack.yml: the list of functions, for OpenFaaS and for the local system."""

import os
import re
from typing import Any

import yaml

from local.home import ROOT

FILE = ROOT / "stack.yml"


def functions() -> dict[str, dict[str, Any]]:
    """Return each function's entry by name."""
    entries: dict[str, dict[str, Any]] = yaml.safe_load(_substituted(FILE.read_text()))["functions"]
    return entries


def settings(name: str) -> dict[str, str]:
    """Return the settings in a function's entry; all others keep the defaults in the code."""
    found: dict[str, str] = functions()[name].get("environment", {})
    return found


def _substituted(text: str) -> str:
    """Substitute ${NAME:-default}, as faas-cli does."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: os.environ.get(found[1]) or found[2], text)
