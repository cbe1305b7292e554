"""Installing Debian packages without starting their services; apt-get and systemctl are stubs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.home import ROOT

SCRIPT = ROOT / "local" / "packages.sh"
FOREIGN = "#!/bin/sh\nexit 104\n"
# Records its arguments, and what the policy answers at that moment.
APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$CALLS"
code=0; "$POLICY_RC_D" mariadb start || code=$?
echo "policy $code" >> "$CALLS"
case "$*" in *install*) eval "$DURING_INSTALL" ;; esac
"""
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >> "$CALLS"
case "$1 $2" in "cat caddy") exit 0 ;; "cat "*) [ -e "$INSTALLED" ] ;; esac
"""

Install = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy-rc.d"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def install(tmp_path: Path, policy: Path, calls: Path) -> Install:
    """Start the script; `during` is what apt-get does while installing."""
    for name, text in (("apt-get", APT_GET), ("systemctl", SYSTEMCTL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def start(during: str = 'touch "$INSTALLED"') -> "subprocess.Popen[str]":
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "POLICY_RC_D": str(policy),
            "CALLS": str(calls),
            "INSTALLED": str(tmp_path / "installed"),
            "DURING_INSTALL": during,
        }
        # A shell cannot trap a signal that its parent ignores, such as SIGHUP under nohup.
        command = ["env", "--default-signal", "sh", str(SCRIPT), "mariadb-server"]
        return subprocess.Popen(command, env=environment, text=True, start_new_session=True)

    return start


def write_foreign_policy(policy: Path) -> None:
    """Write a policy of another program."""
    policy.write_text(FOREIGN)
    policy.chmod(0o755)


def wait_for_install(calls: Path) -> None:
    """Wait until the apt-get stub is installing."""
    deadline = time.monotonic() + 10
    while not calls.exists() or "install" not in calls.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_services_do_not_start_while_packages_are_installed(install: Install, policy: Path, calls: Path) -> None:
    assert install().wait(timeout=20) == 0

    assert "install --no-install-recommends mariadb-server\npolicy 101\n" in calls.read_text()
    assert not policy.exists()


def test_only_newly_installed_services_are_disabled(install: Install, calls: Path) -> None:
    install().wait(timeout=20)

    assert "systemctl disable --quiet mariadb" in calls.read_text()
    assert "systemctl disable --quiet caddy" not in calls.read_text()


def test_a_foreign_policy_is_restored(install: Install, policy: Path, calls: Path) -> None:
    write_foreign_policy(policy)

    assert install().wait(timeout=20) == 0

    assert "policy 101" in calls.read_text()
    assert policy.read_text() == FOREIGN
    assert os.access(policy, os.X_OK)


def test_a_failed_installation_restores_the_policy(install: Install, policy: Path) -> None:
    write_foreign_policy(policy)

    assert install("exit 100").wait(timeout=20) == 100

    assert policy.read_text() == FOREIGN


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_installation_leaves_no_policy(
    install: Install, policy: Path, calls: Path, number: signal.Signals
) -> None:
    process = install("exec tail -f /dev/null")
    wait_for_install(calls)

    os.killpg(process.pid, number)

    assert process.wait(timeout=20) != 0
    assert not policy.exists()


def test_after_a_kill_the_previous_policy_applies_and_the_next_run_restores_it(
    install: Install, policy: Path, calls: Path
) -> None:
    write_foreign_policy(policy)
    process = install("exec tail -f /dev/null")
    wait_for_install(calls)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)

    assert subprocess.run([policy, "mariadb", "start"], check=False).returncode == 104

    assert install().wait(timeout=20) == 0
    assert policy.read_text() == FOREIGN
