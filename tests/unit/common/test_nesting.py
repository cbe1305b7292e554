"""How deep JSON from outside may nest."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.common import nesting, web
from functions.common.errors import BAD_REQUEST, Failure

LEVELS = nesting.MOST_LEVELS
TEXT = st.text(alphabet='[]{}"\\é\N{FOR ALL}a', max_size=20)
VALUES = st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@settings(deadline=None)
@given(VALUES, st.integers(0, 2 * LEVELS), st.booleans())
def test_exactly_the_deepest_are_refused(value: Any, around: int, spelled: bool) -> None:
    for level in range(around):
        value = [value, "[" * LEVELS] if level % 2 else {"[" * LEVELS: value}
    text = json.dumps(value, ensure_ascii=spelled).encode()
    if depth(value) > LEVELS:
        with pytest.raises(ValueError, match="nested too deep"):
            nesting.check(text)
    else:
        nesting.check(text)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 12_000, b'["' + b"[" * 500, b"\\[" * 200])
def test_what_is_no_json(text: bytes) -> None:
    """A parser would have stopped at the latest where this does; a text without an end hides nothing."""
    if text.startswith(b'["'):
        nesting.check(text)
    else:
        with pytest.raises(ValueError, match="nested too deep"):
            nesting.check(text)


def test_other_encodings() -> None:
    """U+2200 in UTF-16 has a byte that looks like a quote."""
    hidden = '["\N{FOR ALL}", ' + "[" * 1000
    with pytest.raises(ValueError, match="not in UTF-8"):
        nesting.check(hidden.encode("utf-16"))


@pytest.fixture
def collecting() -> Iterator[list[str]]:
    """Have the garbage collector run at nearly every allocation, and do a little; pytest fails what fails in it."""
    phases: list[str] = []

    def tell(phase: str, more: dict[str, int], calls: int = 20) -> None:
        if calls:
            tell(phase, more, calls - 1)
        else:
            phases.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(tell)
    gc.set_threshold(1)
    yield phases
    gc.set_threshold(*before)
    gc.callbacks.remove(tell)


def test_refusing_disturbs_nothing_else(collecting: list[str]) -> None:
    with pytest.raises(Failure) as refused:
        web.json_object(b'{"a":' * 12_000)
    assert refused.value.kind is BAD_REQUEST
    assert collecting
