"""stack.yml: the list of functions, for OpenFaaS and for the local system."""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from local.home import ROOT

FILE = ROOT / "stack.yml"


def functions() -> Mapping[str, Mapping[str, Any]]:
    """Return each function's entry by name."""
    return _parsed(_substituted(FILE.read_text()))


def takes_events(name: str) -> bool:
    """Tell whether a function takes events instead of requests from people."""
    return "event-token" in functions()[name]["secrets"]


def settings(name: str) -> Mapping[str, str]:
    """Return the settings in a function's entry; all others keep the defaults in the code."""
    found: Mapping[str, str] = functions()[name].get("environment", {})
    return found


@cache
def _parsed(text: str) -> Mapping[str, Mapping[str, Any]]:
    entries: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)["functions"]
    return entries


def _substituted(text: str) -> str:
    """Substitute ${NAME:-default}, as faas-cli does."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: os.environ.get(found[1]) or found[2], text)
