"""Tests of the tests: removes each guard in a copy of the repository, and shows that its test fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_COPIED = (".git", ".venv", ".local", "__pycache__", ".*_cache", "build")
TEST_SECONDS = 300


@dataclass(frozen=True)
class Guard:
    """Code that prevents a loss: where it is, and which test fails without it."""

    name: str
    file: str
    source: str
    without: str
    test: str

    def wrong(self, root: Path = ROOT) -> list[str]:
        """Return what is wrong with this entry: its source or its test does not exist."""
        found = []
        count = (root / self.file).read_text().count(self.source)
        if count != 1:
            found.append(f"{self.name}: its source is {count} times in {self.file} instead of once")
        path, _, function = self.test.partition("::")
        if not (root / path).is_file() or f"\ndef {function}(" not in (root / path).read_text():
            found.append(f"{self.name}: there is no test {self.test}")
        return found

    @contextmanager
    def removed(self, root: Path) -> Iterator[None]:
        """Remove the guard from a copy of the repository, until the block ends."""
        path = root / self.file
        source = path.read_text()
        path.write_text(source.replace(self.source, self.without))
        try:
            yield
        finally:
            path.write_text(source)


GUARDS = (
    Guard(
        "confirm",
        "functions/backends/queue.py",
        "                channel.confirm_delivery()\n",
        "",
        "tests/integration/test_queue.py::test_an_event_that_its_queue_rejects_is_an_error",
    ),
    Guard(
        "mandatory",
        "functions/backends/queue.py",
        ", mandatory=True",
        "",
        "tests/integration/test_queue.py::test_an_event_that_reaches_no_queue_is_an_error",
    ),
    Guard(
        "sweep",
        "functions/sweep/sweeping.py",
        "    backlogs = deque(Backlog(repair, sweeper) for repair in REPAIRS)\n",
        "    backlogs = deque()\n",
        "tests/integration/test_sweeping.py::test_a_lost_event_is_sent_again_with_growing_gaps",
    ),
    Guard(
        "epoch check",
        "functions/common/transitions.py",
        '    "finish",\n    "convert",\n    (CONVERTING,),\n    DONE,\n    when=_SAME_EPOCH,\n',
        '    "finish",\n    "convert",\n    (CONVERTING,),\n    DONE,\n',
        "tests/integration/test_fencing.py::test_an_overtaken_converter_does_not_finish_the_job",
    ),
    Guard(
        "mail claim",
        "functions/common/transitions.py",
        '    "claim_mail",\n    "notify",\n    _ENDED,\n    None,\n    mail=(NONE,),\n',
        '    "claim_mail",\n    "notify",\n    _ENDED,\n    None,\n',
        "tests/integration/test_fencing.py::test_only_one_of_two_notifiers_sends_the_mail",
    ),
    Guard(
        "byte count",
        "functions/upload/body.py",
        "    if expected is not None and received != expected:\n        raise Failure(errors.INCOMPLETE_BODY)\n",
        "",
        "tests/unit/upload/test_body.py::test_a_body_that_ends_one_byte_early_is_refused",
    ),
    Guard(
        "output check",
        "functions/convert/engine.py",
        "    _verify(target, result)\n",
        "",
        "tests/integration/test_output_check.py::test_a_truncated_mp3_is_an_error",
    ),
    Guard(
        "fenced file id",
        "functions/common/ids.py",
        'return f"{job_id}.{epoch}"',
        "return job_id",
        "tests/integration/test_fencing.py::test_an_overtaken_converter_does_not_delete_its_successors_mp3",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """How a test ended (passed, failed or broken), and the first line of its message."""

    end: str = "broken"
    words: str = ""


def outcomes(root: Path, *tests: str) -> dict[str, Outcome]:
    """Run tests in a copy of the repository, and return how each ended."""
    report = root / "outcomes.xml"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=root,
        env=environment,
        timeout=TEST_SECONDS,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    ended = dict.fromkeys(tests, Outcome())
    if report.is_file():
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
            test = f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}"
            ended[test] = _outcome([child for child in case if child.tag in ("failure", "error", "skipped")])
    return ended


def _outcome(children: list[ElementTree.Element]) -> Outcome:
    if not children:
        return Outcome("passed")
    words = children[0].attrib.get("message", "").splitlines()
    # An error means that the test did not get as far as its assertion.
    return Outcome("failed" if {child.tag for child in children} == {"failure"} else "broken", "".join(words[:1]))


def show(root: Path) -> bool:
    """Print the table; return whether each test passes with its guard and fails without it."""
    print(f"{'guard':16}{'with':10}{'without':10}test", flush=True)
    with_it = outcomes(root, *(guard.test for guard in GUARDS))
    right = True
    for guard in GUARDS:
        with guard.removed(root):
            without = outcomes(root, guard.test)[guard.test]
        right = right and (with_it[guard.test].end, without.end) == ("passed", "failed")
        print(f"{guard.name:16}{with_it[guard.test].end:10}{without.end:10}{guard.test}", flush=True)
        print(f"{'':36}{without.words}", flush=True)
    return right


def main() -> int:
    """Check all guards, in a temporary copy."""
    wrong = [words for guard in GUARDS for words in guard.wrong()]
    if wrong:
        print("\n".join(wrong))
        return 1
    with tempfile.TemporaryDirectory(prefix="mp3-guards-") as folder:
        root = Path(folder) / "repository"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_COPIED))
        right = show(root)
    print("\nEvery guard is tested." if right else "\nAt least one guard is not tested.")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
