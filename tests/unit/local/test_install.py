"""The messages if something cannot be installed, and when the environment is out of date."""

import sys
from pathlib import Path

import pytest

from local import install

PACKAGES = {"some-package": ("/nonexistent/program", "SOME_URL")}


@pytest.fixture
def missing_package(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without a required package."""
    monkeypatch.setattr(install, "PACKAGES", PACKAGES)
    monkeypatch.setattr(sys, "argv", ["install", "test"])
    return monkeypatch


def test_without_root_and_sudo_the_command_is_shown(
    missing_package: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing_package.setattr("os.geteuid", lambda: 1000)
    missing_package.setattr("shutil.which", lambda name, path=None: "/usr/bin/apt-get" if name == "apt-get" else None)

    assert install.main() == 1
    assert capsys.readouterr().err == (
        "These packages are missing: some-package. You are not root, and sudo is not installed. Ask root to run this, "
        "then try again: apt-get install --no-install-recommends some-package\n"
    )


def test_without_apt_get_the_missing_packages_are_named(
    missing_package: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing_package.setattr("shutil.which", lambda name, path=None: None)

    assert install.main() == 1
    assert capsys.readouterr().err == (
        "These packages are missing, and apt-get is not available to install them: some-package.\n"
    )


@pytest.mark.parametrize("setting", ["SOME_URL", "SOME_URL_FILE"])
def test_a_server_named_by_a_setting_is_not_installed(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setattr(install, "PACKAGES", PACKAGES)
    monkeypatch.setenv(setting, "given")

    assert not install._is_missing("some-package", "up")
    assert install._is_missing("some-package", "test")


def test_a_folder_that_cannot_be_used_is_told_before_anything_is_installed(
    missing_package: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing_package.setattr(sys, "argv", ["install", "up"])
    missing_package.setenv("LOCAL_HOME", str(tmp_path / "my videos"))

    assert install.main() == 1
    assert "my videos cannot be used: MariaDB and RabbitMQ do not support spaces" in capsys.readouterr().err


def test_a_changed_requirement_makes_the_environment_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "requirements-dev.txt").write_text("one==1\n")
    (root / ".venv").mkdir()
    monkeypatch.setattr(install, "ROOT", root)
    monkeypatch.setattr(install, "VENV", root / ".venv")
    assert not install._is_current()

    (root / ".venv" / "stamp").write_text(install._fingerprint())
    assert install._is_current()

    (root / "requirements-dev.txt").write_text("one==2\n")
    assert not install._is_current()


@pytest.mark.parametrize("line", [["mp3", "list"], ["jobs", "dead"]], ids=" ".join)
@pytest.mark.parametrize("exists", [True, False])
def test_clients_of_remote_systems_install_python_packages_if_there_are_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: list[str], exists: bool
) -> None:
    done: list[str] = []
    python = tmp_path / ".venv" / "bin" / "python"
    if exists:
        python.parent.mkdir(parents=True)
        python.touch()
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "_install", done.append)
    monkeypatch.setattr("os.execv", lambda program, _: done.append(program))
    monkeypatch.setattr(sys, "argv", ["install", *line])
    monkeypatch.setenv("MONGODB_URL", "mongodb://elsewhere")
    install.main()
    assert done == [*([] if exists else [line[0]]), str(python)]
