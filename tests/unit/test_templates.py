"""No function loads templates, and Flask works without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADED = "print(*(name for name in sys.modules if name.partition('.')[0] == 'jinja2'))"
START = "runpy.run_path('functions/gunicorn.conf.py')['on_starting'](None)"


def loaded(*statements: str) -> set[str]:
    """Return the jinja2 modules that are loaded with functions-framework."""
    code = "; ".join(["import runpy, sys", *statements, "import functions_framework", LOADED])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_flask_loads_no_templates() -> None:
    assert loaded(START) == {"jinja2"}


def test_flask_alone_would_load_templates() -> None:
    assert "jinja2.environment" in loaded()
