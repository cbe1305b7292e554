"""Stands in for docker, kind or kubectl: records the command line and prints what the program would.

The real program is called first, with nothing to reach, to check that it accepts the command line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# What few calls need is imported there: a test makes fifty calls, each of which starts an interpreter.

FOLDER = Path(os.environ.get("STAND_IN_FOLDER", "nowhere"))
USAGE_ERRORS = (
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
    """Handle one call."""
    name, arguments = sys.argv[1], sys.argv[2:]
    given = sys.stdin.read() if {"-", "-i", "/dev/stdin"} & set(arguments) and not sys.stdin.isatty() else ""
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps([name, *arguments]) + "\n")
    error = usage_error(name, arguments, given)
    if error:
        print(error, file=sys.stderr)
        return 97
    failure = FOLDER / "failure"
    if failure.exists():
        words, _, message = failure.read_text().partition("\n")
        if words in " ".join([name, *arguments]):
            print(message, file=sys.stderr)
            return 1
    print(answer(name, " ".join(arguments), given), end="")
    return 0


def usage_error(name: str, arguments: list[str], given: str) -> str:
    """Return the real program's error if it does not accept the command line, else ""."""
    real = os.environ.get(f"REAL_{name.upper()}")
    if not real:
        return ""
    import subprocess

    done = subprocess.run([real, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)
    output = done.stderr + done.stdout
    if done.returncode == 0 and name != "kind":
        return f"the real {name} succeeded: {output}" if "config" not in arguments else ""
    return output if any(sign in output for sign in USAGE_ERRORS) else ""


def answer(name: str, words: str, given: str) -> str:
    """Return what the program would print with a cluster."""
    created = FOLDER / "created"
    if name == "kind":
        if words.startswith("create cluster"):
            created.touch()
        return {"get clusters": "mp3converter\n" if created.exists() else ""}.get(words, "mp3converter-control-plane\n")
    if name == "docker":
        return "28.0.0\n" if words.startswith("info") else "sha256:0123456789abcdef0123\n" if "build" in words else ""
    if "config" in words.split():  # needs no cluster
        import subprocess

        kubectl = Path(sys.executable).parent / "kubectl"
        return subprocess.run(
            [kubectl, *words.split(" ")], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    if "get deployments" in words or "get customresourcedefinitions" in words:
        file = FOLDER / words.partition(" get ")[2].split()[0]  # a test writes it
        return file.read_text() if file.exists() else '{"items": []}' if "deployments" in words else ""
    if " get jobs.batch " in words:
        condition = FOLDER / "job"  # a test writes it
        return "True" if (condition.read_text() if condition.exists() else "Complete") in words else ""
    if " logs " in words:
        return (FOLDER / "log").read_text()
    secrets = FOLDER / "secrets"
    if " create -f -" in words:
        secrets.write_text(given)
    if "get secret " in words and "jsonpath" in words and secrets.exists():
        space = words.split(" -n ")[1].split()[0]
        lines = secrets.read_text().split("---\n")
        found = [part.split("  name: ")[1].splitlines()[0] for part in lines if f"namespace: {space}\n" in part]
        return " ".join(found)
    if "patch secret " in words:
        (FOLDER / "patch").write_text(given)
    if "get secret " in words and words.endswith(" --ignore-not-found -o json"):
        return kept_secret(words.partition(" get secret ")[2].split()[0], secrets.read_text())
    if "patch secret " in words and words.endswith(" -o json"):
        return kept_secret(words.partition(" patch secret ")[2].split()[0], secrets.read_text())
    if "get secret " in words and words.endswith(" -o json"):
        name = words.partition(" get secret ")[2].split()[0]
        file = FOLDER / f"secret-{name}"  # a test writes it
        return file.read_text() if file.exists() else kept_secret(name, secrets.read_text())
    if "get configmap/" in words or "get service/" in words:
        file = FOLDER / words.partition(" get ")[2].split()[0].replace("/", "-")  # a test writes it
        return file.read_text() if file.exists() else ""
    return json.dumps({"items": []}) if "get pods" in words else ""


def kept_secret(name: str, created: str) -> str:
    """Return a Secret that was created, as the cluster would."""
    from base64 import b64encode

    import yaml

    [found] = [secret for secret in yaml.safe_load_all(created) if secret["metadata"]["name"] == name]
    data = {key: b64encode(value.encode()).decode() for key, value in found["stringData"].items()}
    return json.dumps({"metadata": {**found["metadata"], "resourceVersion": "1"}, "data": data})


if __name__ == "__main__":
    sys.exit(main())
