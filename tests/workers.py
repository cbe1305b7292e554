"""A run without a path distributes test files over workers, each with its own system, because most tests wait."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

WORKERS = 3  # for two cores: a test computes less than half of its time
TOGETHER = ("tests/containers/",)  # these share one image store
ONE_SYSTEM = {  # these share their folder's, whose start takes as long as some of them
    f"tests/chaos/test_{name}.py"
    for name in ("broker", "checker", "disk", "expired_leases", "faults", "mongodb", "mysql")
}
SHORT_FILES = "tests/e2e/"  # many
WHOLE_SYSTEM = ("tests/corpus/", "tests/e2e/", "tests/local/", "tests/page/", "tests/system/")


class Scheduling(LoadFileScheduling):  # type: ignore[misc] # published without types
    """Give a worker one file at a time, or files together that would disturb each other or share a system."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in ONE_SYSTEM:
            return "tests/chaos/"  # any name that all of them get
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def is_together(nodeid: str) -> bool:
    """Tell whether a test is in a folder that one worker runs as a whole."""
    return nodeid.startswith(TOGETHER)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is one of the workers."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Use workers, unless the command line says otherwise or asks for output or a debugger."""
    option = config.option
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and option.part != "quick"
    chosen = option.numprocesses is not None or option.collectonly or option.usepdb or option.capture == "no"
    if whole and not chosen and not is_worker(config):
        option.numprocesses = WORKERS
        option.tx = ["popen"] * WORKERS
        option.dist = "loadfile"
        option.loadscopereorder = False  # keep the order: the slowest files come first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that start a worker's whole system last, because even an idle one needs time."""
    items.sort(key=lambda item: item.nodeid.startswith(WHOLE_SYSTEM))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Return the scheduler."""
    return Scheduling(config, log)
