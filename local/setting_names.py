"""The settings that may be exported before ./local/up, read from their declarations in functions/."""

import re
from functools import cache

from local.home import ROOT

FILE = ROOT / "functions" / "common" / "settings.py"
# A setting declared as secret or url is a secret, which a function gets as a file.
DECLARED = re.compile(r"""= (?:text|choice|integer|seconds|days)\(\s*"([A-Z0-9_]+)\"""")
OF_THE_SERVER = {"THREADS", "GRACEFUL_TIMEOUT_SECONDS"}
SET_BY_US = {"FUNCTION_TARGET", "VERSION"}


@cache
def exportable() -> frozenset[str]:
    """Return their names."""
    return frozenset(DECLARED.findall(FILE.read_text())) - SET_BY_US | OF_THE_SERVER
