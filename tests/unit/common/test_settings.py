"""functions/SETTINGS.md agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

from functions.common import config
from tests import declared

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| `([A-Z0-9_]+)`( \U0001f511)? \| (required|none|`.*?`) \| (.+) \|$", re.M)


def test_every_setting_with_its_default_and_meaning() -> None:
    """It has every setting with its default, and no others."""
    found = ROW.findall((ROOT / "functions" / "SETTINGS.md").read_text())
    rows = {name: (secret, default, meaning) for name, secret, default, meaning in found}
    known = declared.everywhere()
    assert set(rows) == set(known)
    for name, (secret, default, meaning) in rows.items():
        setting = known[name]
        assert bool(secret) == setting.secret, name
        if default == "required":
            assert setting.default is config.REQUIRED, name
        elif default != "none":
            assert str(setting.parse(default.strip("`"))) == str(setting.default), name
        assert meaning == setting.meaning, name
