"""Who is told where about conversions, as notify asks a real server."""

from __future__ import annotations

import secrets

import pytest

from functions.backends.mysql import Connections
from functions.backends.recipients import Recipients
from functions.backends.users import ACTIVE, DISABLED, WAITING, Users
from functions.common import errors
from functions.common.errors import Failure
from functions.common.settings import Database
from tests.local.private import PrivateStack

OWN, ACCOUNT = "https://own.example.org/", "https://account.example.org/"


@pytest.fixture
def connections(mysql: str, lazy_stack: PrivateStack) -> Connections:
    """One user may do what login and notify do: tests/manifests know who may what."""
    return Connections(Database(lazy_stack.mysql_root_url, 5.0))


@pytest.mark.parametrize("state", [ACTIVE, WAITING, DISABLED, "closing"])
@pytest.mark.parametrize("account", [ACCOUNT, None])
@pytest.mark.parametrize("own", [OWN, None])
def test_where_webhooks_go(own: str | None, account: str | None, state: str, connections: Connections) -> None:
    """The job's own address comes first, and nothing goes to somebody who is no user any more."""
    users, people = Users(connections), Recipients(connections)
    user = users.add(f"{secrets.token_hex(6)}@example.org", "x").id
    users.set_told(user, {"webhook": account})
    if state == "closing":
        users.close(user, 60)
    else:
        users.change_state(user, state, ACTIVE)
    job = {"owner": str(user), "webhook": {"url": own} if own else {}}
    assert people.address_of(job) == ((own or account) if state == ACTIVE else None)
    assert people.want(str(user)) is (state == ACTIVE)


def test_a_server_that_is_away() -> None:
    people = Recipients(Connections(Database("mysql://x:y@127.0.0.1:9/z?tls=none", 0.5)))
    with pytest.raises(Failure) as failure:
        people.address_of({"owner": "1", "webhook": {"url": OWN}})
    assert failure.value.kind is errors.UNAVAILABLE
