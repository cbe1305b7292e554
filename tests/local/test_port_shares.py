"""Each process of tests has ports of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local import ports
from tests.local import port_shares

ROOT = Path(__file__).resolve().parents[2]
ANOTHER = "from tests.local import port_shares; print(port_shares.of_systems().start, port_shares.of_tests().start)"


def of_another() -> tuple[int, ...]:
    """Return where the shares of another process begin."""
    words = subprocess.run([sys.executable, "-c", ANOTHER], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(map(int, words.split()))


def test_another_process_has_other_ports() -> None:
    systems, tests = of_another()
    assert systems not in port_shares.of_systems()
    assert tests not in port_shares.of_tests()
    assert systems in ports.ALL
    assert tests in port_shares.FREE


def test_shares_do_not_change_and_are_large_enough() -> None:
    assert port_shares.of_systems() == port_shares.of_systems()
    assert len(port_shares.of_systems()) >= len(ports.ALL) // port_shares.SHARES > 500
