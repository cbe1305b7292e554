"""The transitions: their conditions, changes and results, and that none can lose its claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.common import transitions
from functions.common.config import load
from functions.common.settings import Periods
from functions.common.transitions import TABLE, Transition
from functions.common.values import After, Document, Given, Moment

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
PERIODS = load(Periods, {})
GIVEN = {
    "epoch": 4,
    "token": "mine",
    "run": 2,
    "holder": "h",
    "deadline": NOW + timedelta(seconds=20),
    "progress": 7,
    "mp3": {"file_id": "a.4"},
    "error": {"code": "no_audio", "title": "t"},
    "size": 1,
    "sha256": "0",
    "options": {},
    "retry_at": NOW,
    "announced_at": NOW,
    "gap": 60.0,
    "message_id": "<m>",
    "at": NOW,
    "until": NOW,
    "link_version": None,
    "next_link_version": 1,
    "retries": {"day": "2026-01-01", "jobs": 1, "spent": 0},
    "former": None,
    "due": NOW,
    "answer": 200,
    "webhook": {"url": "https://example.org/", "state": "none", "attempts": 0},
}
MOMENT = Moment(NOW, PERIODS, GIVEN)
# A new transition, with its own values instead of shared ones.
EXAMPLE = Transition(
    "planted", "convert", ("converting",), "ready", when={"epoch": Given("epoch"), "attempts": Given("run")}
)
WEBHOOK_EXAMPLE = Transition(
    "planted_webhook", "notify", ("done",), None, webhook=("claimed",), when={"webhook.token": Given("token")}
)
MAIL_EXAMPLE = Transition(
    "planted_mail", "notify", ("done",), None, mail=("claimed",), when={"mail.token": Given("token")}
)


def lost_claims(row: Transition) -> list[str]:
    """Return the claims in a transition's condition that its result does not show, unless it removes them."""
    shown = transitions.result(row, MOMENT)
    return [
        path
        for path in ("epoch", "mail.token", "webhook.token")
        if path in row.when and path not in (*row.drops, *shown)
    ]


@pytest.mark.parametrize("row", [*TABLE, EXAMPLE, MAIL_EXAMPLE, WEBHOOK_EXAMPLE], ids=lambda row: row.name)
def test_no_transition_loses_its_claim(row: Transition) -> None:
    """Another process's change of the same kind must not be taken for one's own."""
    assert lost_claims(row) == []


def test_a_lost_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: it does if the claim is checked elsewhere."""
    monkeypatch.setattr(transitions, "_CLAIMS", ())
    assert lost_claims(EXAMPLE) == ["epoch"]
    assert lost_claims(MAIL_EXAMPLE) == ["mail.token"]
    assert lost_claims(WEBHOOK_EXAMPLE) == ["webhook.token"]


def test_the_result_shows_the_epoch_after_the_change() -> None:
    assert transitions.result(transitions.CLAIM, MOMENT)["epoch"] == 5
    assert transitions.result(transitions.FINISH, MOMENT)["epoch"] == 4


def test_names_are_unique_and_transitions_compare_by_content() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert EXAMPLE._replace(when={"epoch": Given("epoch"), "attempts": Given("run")}) == EXAMPLE
    assert EXAMPLE._replace(when={"epoch": After("epoch"), "attempts": Given("run")}) != EXAMPLE
    assert "Given(name='epoch')" in repr(EXAMPLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_transition_names_its_origin(row: Transition) -> None:
    """A change that names neither the epoch, the token nor the run could undo another one."""
    query: Document = transitions.condition(row, "id", MOMENT)
    assert query["_id"] == "id"
    assert query["state"] == {"$in": list(row.source)}
    assert {"epoch", "mail.token", "mail.run", "webhook.token"} & query.keys()
    if row.mail:
        assert query["mail.state"] == {"$in": list(row.mail)}
    if row.webhook:
        assert query["webhook.state"] == {"$in": list(row.webhook)}


def test_the_update_in_mongodb() -> None:
    change = transitions.change(transitions.FAIL, MOMENT)
    moment = NOW.replace(microsecond=123000)  # MongoDB keeps milliseconds
    assert change["$set"]["state"] == "failed"
    assert change["$set"]["updated_at"] == change["$set"]["announced_at"] == moment
    assert change["$set"]["error"] == GIVEN["error"]
    assert change["$unset"] == {"lease": ""}
    assert change["$min"] == {"cleanup.at": moment + timedelta(seconds=PERIODS.announce_gap)}
    assert change["$max"] == {"cleanup.until": moment + timedelta(seconds=PERIODS.longest_step)}


ASKED = {"webhook": GIVEN["webhook"]}
ASKED_AGAIN = {"webhook.state": "none", "webhook.attempts": 0}
GAP = PERIODS.announce_gap
DUE = {"webhook.due": MOMENT.after(GAP), "webhook.gap": GAP}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (transitions.ACCEPT, ASKED),
        (transitions.RETRY, ASKED_AGAIN),
        (transitions.FINISH, DUE),
        (transitions.FAIL, DUE),
        (transitions.GIVE_UP, DUE),
    ],
)
def test_a_webhook_waits_for_the_end_if_one_is_given(row: Transition, expected: Document) -> None:
    """Jobs without one have no field for it."""
    for given in (GIVEN | {"webhook": None}, {key: value for key, value in GIVEN.items() if key != "webhook"}):
        change = transitions.change(row, MOMENT._replace(given=given))
        assert not [path for path in change["$set"] if path.startswith("webhook")]
    change = transitions.change(row, MOMENT)
    assert {path: value for path, value in change["$set"].items() if path.startswith("webhook")} == expected
    assert not expected.keys() & change.get("$unset", {}).keys()


def test_a_lease_ends_at_its_deadline() -> None:
    """The period is a minute, the deadline 20 seconds away."""
    assert transitions.change(transitions.RENEW, MOMENT)["$set"]["lease.until"] == GIVEN["deadline"]
    later = MOMENT._replace(given={**GIVEN, "deadline": NOW + timedelta(hours=1)})
    until = transitions.change(transitions.RENEW, later)["$set"]["lease.until"]
    assert until == NOW.replace(microsecond=123000) + timedelta(seconds=PERIODS.convert_lease)
