"""A job's document under any order of changes by processes that know old versions of it, and lose answers.

The changes are made by the real executor; what may happen is read from the table in functions/README.md.
"""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.backends.jobs import Jobs
from functions.common import ids
from functions.common.errors import Failure
from functions.common.transitions import ABANDON, ABORT, DELETE, TABLE, Transition
from functions.common.values import Document
from local.home import ROOT
from tests.fuzz import test_edges
from tests.integration.states import PERIODS, Clock
from tests.unit.in_memory import UnreliableCollection

ROW = re.compile(r"^\| `(\w+)` \| [\w, ]+ \| ([\w, ]+(?:; (?:mail|webhook) [\w, ]+)?) \| ([\w ;]+) \|$", re.MULTILINE)
Ends = tuple[set[str], set[str], set[str]]  # states of the job, of its mail and webhook; empty: any, or unchanged


def _ends(cell: str) -> Ends:
    job, _, rest = cell.removeprefix("unchanged").partition("webhook ")
    job, _, mail = job.partition("mail ")
    return set(re.findall(r"\w+", job)), set(re.findall(r"\w+", mail)), set(re.findall(r"\w+", rest))


TEXT = (ROOT / "functions" / "README.md").read_text().partition("| row | made by |")[2]
README = {name: (_ends(source), _ends(target)) for name, source, target in ROW.findall(TEXT)}


def _fits(row: Transition, job: Document) -> bool:
    """Tell whether a row may apply to a job; those that end it are left out, as little can be seen afterwards."""
    mail, webhook = job["mail"]["state"], job.get("webhook", {}).get("state")
    states = job["state"] in row.source and mail in (row.mail or mail) and webhook in (row.webhook or (webhook,))
    return states and row not in (ABORT, ABANDON, DELETE)


ROWS = {row.name: row for row in TABLE}
# What happens to jobs, well and badly; an example begins with the first steps of one of these.
WAYS = [
    way.split()
    for way in (
        "accept claim finish claim_mail hand_over mail_sent mail_again claim_mail",
        "accept claim expire claim give_up retry claim finish",
        "accept claim hand_back claim postpone claim fail claim_mail decline_mail",
        "accept claim fail claim_mail expire_mail claim_mail hand_back_mail claim_mail hand_over mail_unknown",
        "accept claim fail claim_mail hand_over lose_mail mail_sent",
        "accept claim finish claim_mail postpone_mail claim_mail give_up_mail mail_again claim_mail refuse_mail",
        "accept claim finish claim_webhook webhook_sent webhook_again claim_webhook refuse_webhook webhook_again",
        "accept claim fail claim_webhook expire_webhook announce_webhook claim_webhook give_up_webhook webhook_again",
        "accept claim fail claim_webhook postpone_webhook claim_webhook give_up_webhook retry claim finish",
        "accept claim finish decline_webhook webhook_again announce_webhook decline_webhook webhook_again",
        "renew_upload abort",
    )
]
# Changes of a webhook that nobody has claimed.
FROM_THE_JOB = {"claim_webhook", "decline_webhook", "announce_webhook", "webhook_again"}
LATER = {
    "expire",
    "give_up",
    "expire_mail",
    "give_up_mail",
    "lose_mail",
    "expire_webhook",
    "give_up_webhook",
}  # after the lease


class JobMachine(RuleBasedStateMachine):
    """One job, and processes that know one of its versions, new or old."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.collection = UnreliableCollection()
        documents: Any = self.collection
        self.jobs = Jobs(documents, self.clock, PERIODS)
        self.id = ids.new()
        self.versions: list[Document] = []
        self.handed_over: list[tuple[int, str]] = []

    @property
    def document(self) -> Document:
        """The stored document."""
        return copy.deepcopy(self.collection.documents[self.id])

    @initialize(way=st.sampled_from(WAYS), steps=st.integers(0, 10))
    def receive(self, way: list[str], steps: int) -> None:
        """Begin the upload, and go some of the way."""
        self.jobs.receive(self.id, owner="1", email="a@example.org", filename="a.mp4", options={}, traceparent=None)
        self.versions = [self.document]
        for name in way[:steps]:
            before = self.document
            given = self._given(ROWS[name], before, name in ("claim_mail", "claim_webhook"))
            waits = any("retry_at" in each for each in (before, before["mail"], before.get("webhook", {})))
            self.wait(7200 if name in LATER or waits else 1)
            changed = self.jobs.apply(ROWS[name], self.id, **given)
            assert changed == self.document != before, name
            self._check(ROWS[name], given, before, self.document)
            self.versions.append(self.document)

    @rule(seconds=st.sampled_from([0.001, 1, 60, 600, 7200, 200_000]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(seconds=seconds)

    @rule(
        age=st.integers(0, 6),
        number=st.integers(0, 99),
        likely=st.booleans(),
        new=st.booleans(),
        faults=st.lists(st.sampled_from(["before", "after", None]), max_size=2),
    )
    def change(self, age: int, number: int, likely: bool, new: bool, faults: list[str | None]) -> None:
        """Let a process change what it knows, maybe an old version, while requests and answers are lost."""
        before, known = self.document, self.versions[-1 - age % len(self.versions)]
        rows = [each for each in TABLE if _fits(each, before)] if likely else []
        row = (rows or TABLE)[number % len(rows or TABLE)]
        self.collection.faults = list(faults)
        given = self._given(row, known, new)
        outcome: Document | str | None
        try:
            outcome = self.jobs.apply(row, self.id, **given)
        except Failure:
            outcome = "unknown"
        self.collection.faults = []
        after = self.document
        if after != before:
            self._check(row, given, before, after)
            self.versions.append(after)
        if outcome is None:
            assert after == before, "a change was made and denied"
        elif outcome != "unknown":
            assert outcome == after

    def _given(self, row: Transition, known: Document, new: bool) -> dict[str, Any]:
        mail, webhook, epoch = known["mail"], known.get("webhook", {}), known["epoch"]
        soon = self.clock.now + timedelta(seconds=30)
        return {
            "epoch": epoch,
            "run": mail["run"],
            "token": ids.new() if new else (webhook if row.webhook else mail).get("token", "none"),
            "webhook": {"url": "https://example.org/", "state": "none", "attempts": 0},
            "retries": {"day": "2026-05-01", "jobs": 1, "spent": 0},
            "former": None,
            "due": webhook.get("due"),
            "answer": 503,
            "holder": "h",
            "deadline": soon,
            "progress": 7,
            "seconds": 1.0,
            "mp3": {"file_id": ids.mp3_file(self.id, epoch), "length": 1, "sha256": "0", "duration": 1.0},
            "error": {"code": "no_audio", "title": "None."},
            "size": 1,
            "sha256": "0",
            "options": {},
            "retry_at": soon,
            "announced_at": known.get("announced_at"),
            "gap": 60.0,
            "message_id": "<m>",
            "link_version": known.get("link_version"),
            "next_link_version": known.get("link_version", 0) + 1,
            "at": known.get("cleanup", {}).get("at", self.clock.now),
            "until": known.get("cleanup", {}).get("until", self.clock.now),
        }

    def _check(self, row: Transition, given: dict[str, Any], before: Document, after: Document) -> None:
        (source, mail_source, webhook_source), (target, mail_target, webhook_target) = README[row.name]
        webhook, webhook_after = (each.get("webhook", {}) for each in (before, after))
        assert before["state"] in source
        assert not mail_source or before["mail"]["state"] in mail_source
        assert after["state"] in (target or {before["state"]})
        assert after["mail"]["state"] in (mail_target or {before["mail"]["state"]})
        assert not webhook_source or webhook["state"] in webhook_source
        anew = {"none"} if row.name in ("accept", "retry") else {webhook.get("state")}
        assert webhook_after.get("state") in (webhook_target or anew)
        assert 0 <= after["epoch"] - before["epoch"] <= 1
        assert 0 <= after["mail"]["run"] - before["mail"]["run"] <= 1
        assert after["epoch"] > before["epoch"] or row.name not in ("claim", "expire", "give_up", "abandon", "retry")
        if row.name in ("claim_mail", "mail_again"):
            assert given["run"] == before["mail"]["run"], "it is the mail of another run"
        elif webhook_source and row.name not in FROM_THE_JOB:
            assert given["token"] == webhook["token"], "another process has claimed the webhook"
        elif mail_source and row.name != "announce_end":
            assert given["token"] == before["mail"]["token"], "another process has claimed the mail"
        else:
            assert given["epoch"] == before["epoch"], "an old version of the job was enough to change it"
        if row.name == "hand_over":
            assert after["mail"]["token"] == before["mail"]["token"]
            self.handed_over.append((after["mail"]["run"], after["mail"]["token"]))
        for name in ("_id", "owner", "email", "filename", "created_at"):
            assert after[name] == before[name]
        assert after["updated_at"] >= before["updated_at"]

    @invariant()
    @precondition(lambda self: self.versions)
    def holds(self) -> None:
        """Check what is true of a job in each state."""
        job = self.document
        state, mail = job["state"], job["mail"]["state"]
        if state in ("receiving", "converting"):
            assert job["lease"]["until"]
        if state in ("ready", "done", "failed", "aborted"):
            assert "lease" not in job
        if state == "done":
            assert "error" not in job
            number = int(job["mp3"]["file_id"].rpartition(".")[2])
            assert 0 < number <= job["epoch"]
        if state == "failed":
            assert job["error"]["code"]
        if state == "ready":
            assert mail == "none"
        assert 0 <= job["attempts"] <= PERIODS.max_attempts
        assert 0 <= job["progress"] <= 100
        assert state not in ("done", "failed") or mail not in ("claimed", "handing_over") or job["mail"]["token"]
        webhook = job.get("webhook", {"state": None})
        assert (
            state not in ("done", "failed")
            or webhook["state"] != "claimed"
            or (webhook["token"] and "due" not in webhook)
        )
        # Sweep finds a webhook that waits.
        assert webhook["state"] != "none" or state not in ("done", "failed") or webhook["due"]
        assert state != "ready" or webhook["state"] == "none"
        # A run may be handed over again only after the relay had refused it for a while, under another token.
        assert len(set(self.handed_over)) == len(self.handed_over)


def test_the_readme_has_every_row() -> None:
    assert README.keys() == {row.name for row in TABLE}


JobMachine.TestCase.settings = test_edges.machine_settings()
TestJobs = pytest.mark.attack("S12")(JobMachine.TestCase)
