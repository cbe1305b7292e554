"""The messages when something cannot be installed, and when an environment is out of date."""

import sys

import pytest

from local import install

NOWHERE = {"some-package": ("/nonexistent/program", "SOME_URL")}


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that lacks a package."""
    monkeypatch.setattr(install, "PACKAGES", NOWHERE)
    monkeypatch.setattr(sys, "argv", ["install", "test"])
    return monkeypatch


def test_without_root_and_sudo_a_sentence_says_what_to_run(
    lacking: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking.setattr("os.geteuid", lambda: 1000)
    lacking.setattr("shutil.which", lambda name, path=None: "/usr/bin/apt-get" if name == "apt-get" else None)

    assert install.main() == 1
    assert capsys.readouterr().err == (
        "These packages are missing: some-package. You are not root, and there is no sudo. Ask root to run this, "
        "then try again: apt-get install --no-install-recommends some-package\n"
    )


def test_without_apt_get_a_sentence_names_what_is_missing(
    lacking: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking.setattr("shutil.which", lambda name, path=None: None)

    assert install.main() == 1
    assert capsys.readouterr().err == (
        "These packages are missing, and there is no apt-get to install them: some-package.\n"
    )


@pytest.mark.parametrize("setting", ["SOME_URL", "SOME_URL_FILE"])
def test_a_server_that_a_setting_names_is_not_installed(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setattr(install, "PACKAGES", NOWHERE)
    monkeypatch.setenv(setting, "given")

    assert not install._is_missing("some-package", "up")
    assert install._is_missing("some-package", "test")


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
