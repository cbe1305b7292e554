"""The settings that a person may export, as the functions declare them."""

import re
from functools import cache

from local.home import ROOT

FILE = ROOT / "functions" / "common" / "settings.py"
# Secrets are declared as secret or url, and reach a function as files.
DECLARED = re.compile(r"""= (?:text|choice|integer|seconds|days)\(\s*"([A-Z0-9_]+)\"""")
OF_THE_SERVER = {"THREADS", "GRACEFUL_TIMEOUT_SECONDS"}
OUR_OWN = {"FUNCTION_TARGET", "VERSION"}


@cache
def exportable() -> frozenset[str]:
    """Return their names."""
    return frozenset(DECLARED.findall(FILE.read_text())) - OUR_OWN | OF_THE_SERVER
