"""A source that is compiled at a start is told from bytecode that is loaded."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from pathlib import Path

from tests.containers import bytecode


def test_compiled_sources_are_distinguished_from_loaded_bytecode(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("x = 1\n")
    import_it = [sys.executable, "-v", "-B", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import source"]

    before = subprocess.run(import_it, capture_output=True, text=True, check=True).stderr
    py_compile.compile(str(source))
    after = subprocess.run(import_it, capture_output=True, text=True, check=True).stderr

    assert str(source) in bytecode.compiled(before)
    assert str(source) not in bytecode.compiled(after)
    assert any(path.startswith(str(tmp_path)) for path in bytecode.loaded(after))
