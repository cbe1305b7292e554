"""The options of a conversion, as the document of the API describes them.

`python -m mp3converter_client.options < openapi.json` takes them over from a document into options.json.
"""

from __future__ import annotations

import json
import math
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("options.json")
_PREFIX = "option_"


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return the description, schema and example of each option by its name."""
    found: dict[str, dict[str, Any]] = json.loads(_FILE.read_text())
    return found


def fault(name: str, text: str) -> str | None:
    """Return what an option takes, if the text is not that; the service itself ignores an empty one."""
    about = known()[name]
    return None if not text or _fits(text, about["schema"]) else about["description"].rpartition("It takes ")[2]


def described(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the options in a document of the API."""
    return {
        about["name"]: {key: about[key] for key in ("description", "schema", "example")}
        for name, about in document["components"]["parameters"].items()
        if name.startswith(_PREFIX)
    }


def _fits(text: str, schema: dict[str, Any]) -> bool:
    if schema["type"] in ("integer", "number"):
        number = _number(text, int if schema["type"] == "integer" else float)
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        return number is not None and low <= number <= high and number in schema.get("enum", [number])
    long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", math.inf)
    return long_enough and re.search(schema.get("pattern", ""), text) is not None


def _number(text: str, kind: type[int] | type[float]) -> float | None:
    try:
        return kind(text)
    except ValueError:
        return None


if __name__ == "__main__":
    _FILE.write_text(json.dumps(described(json.load(sys.stdin)), indent=1) + "\n")
