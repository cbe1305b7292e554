"""A run without a path shares the files of tests among workers, each with a system of its own: tests wait a lot."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

WORKERS = 2  # with a third, two cores have no time left
TOGETHER = ("tests/containers/",)  # they share one storage of images


class Scheduling(LoadFileScheduling):  # type: ignore[misc] # published without types
    """Give a worker a whole file at a time, or a whole folder of those that would disturb each other."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is one of the workers."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Use workers unless somebody chose otherwise, or wants to see or stop a test as it runs."""
    option = config.option
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and option.part != "quick"
    chosen = option.numprocesses is not None or option.collectonly or option.usepdb or option.capture == "no"
    if whole and not chosen and not is_worker(config):
        option.numprocesses = WORKERS
        option.dist = "loadfile"
        option.loadscopereorder = False  # in their order: the folders that take longest come first


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Use the scheduling above."""
    return Scheduling(config, log)
