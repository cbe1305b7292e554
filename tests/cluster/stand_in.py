"""Stands in for docker, kind or kubectl where no cluster can be had: remembers what it was asked, plays along.

Before it does, the real program is asked the same, with nothing to reach: it must understand every word of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("STAND_IN_FOLDER", "nowhere"))
STRANGE = (
    "unknown flag",
    "unknown command",
    "unknown shorthand",
    "invalid argument",
    "requires ",
    "accepts ",
    "must specify",
    "error parsing",
    "accumulating resources",
)


def main() -> int:
    """Be asked once."""
    name, arguments = sys.argv[1], sys.argv[2:]
    given = "" if sys.stdin.isatty() or ("-" not in arguments and "-i" not in arguments) else sys.stdin.read()
    with (FOLDER / "asked").open("a") as asked:
        asked.write(json.dumps([name, *arguments]) + "\n")
    complaint = misunderstood(name, arguments, given)
    if complaint:
        print(complaint, file=sys.stderr)
        return 97
    broken = FOLDER / "broken"
    if broken.exists():
        words, _, message = broken.read_text().partition("\n")
        if words in " ".join([name, *arguments]):
            print(message, file=sys.stderr)
            return 1
    print(answer(name, " ".join(arguments), given), end="")
    return 0


def misunderstood(name: str, arguments: list[str], given: str) -> str:
    """Return what the real program says against the words themselves."""
    real = os.environ.get(f"REAL_{name.upper()}")
    if not real:
        return ""
    done = subprocess.run([real, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)
    said = done.stderr + done.stdout
    if done.returncode == 0 and name != "kind":
        return f"the real {name} did it: {said}" if "config current-context" not in " ".join(arguments) else ""
    return said if any(sign in said for sign in STRANGE) else ""


def answer(name: str, words: str, given: str) -> str:
    """Return what a cluster would have made the program print."""
    made = FOLDER / "made"
    if name == "kind":
        if words.startswith("create cluster"):
            made.touch()
        return {"get clusters": "mp3converter\n" if made.exists() else ""}.get(words, "mp3converter-control-plane\n")
    if name == "docker":
        return "28.0.0\n" if words.startswith("info") else "sha256:0123456789abcdef0123\n" if "build" in words else ""
    secrets = FOLDER / "secrets"
    if " create -f -" in words:
        secrets.write_text(given)
    if "get secret " in words and "jsonpath" in words and secrets.exists():
        space = words.split(" -n ")[1].split()[0]
        lines = secrets.read_text().split("---\n")
        found = [part.split("  name: ")[1].splitlines()[0] for part in lines if f"namespace: {space}\n" in part]
        return " ".join(found)
    return json.dumps({"items": []}) if "get pods" in words else ""


if __name__ == "__main__":
    sys.exit(main())
