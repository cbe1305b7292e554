"""Feeds the reader of forms with what reaches new lines of it: atheris, on demand.

Install it with `.venv/bin/python -m pip install atheris==3.0.0`, then run
`.venv/bin/python -m tests.fuzz.guided -max_total_time=600`; arguments are libFuzzer's. It ends at the first exception.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

atheris: Any = import_module("atheris")  # not installed for the tests, which do without it

with atheris.instrument_imports(include=["multipart", "functions.upload", "functions.common"]):
    from tests.fuzz import test_edges


def one(data: bytes) -> None:
    """Read a form; its first line is the boundary."""
    boundary, _, form = data.partition(b"\n")
    kind = f"multipart/form-data; boundary={boundary.decode('latin-1')}"
    test_edges.upload(test_edges.make_request(form, CONTENT_TYPE=kind))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
