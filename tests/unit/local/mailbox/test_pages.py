"""The mailbox's pages: mails as JSON and as HTML."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from local.mailbox.pages import build
from local.mailbox.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return build(store).test_client()


def add(store: Store, subject: str, text: str) -> None:
    store.add("from@example.org", ["a@example.org"], f"Subject: {subject}\n\n{text}".encode())


def test_mails_are_json_for_programs(store: Store, client: FlaskClient) -> None:
    add(store, "first", "text")
    add(store, "second", "text")
    assert client.get("/messages").json == store.all()
    assert client.get("/messages/1").json == store.get(1)


@pytest.mark.parametrize("path", ["/messages/7", "/messages/x", "/messages/-1", "/messages/1.eml"])
def test_an_unknown_mail_is_not_found(path: str, store: Store, client: FlaskClient) -> None:
    add(store, "first", "text")
    assert client.get(path).status_code == 404


def test_clearing(store: Store, client: FlaskClient) -> None:
    add(store, "first", "text")
    assert client.delete("/messages").status_code == 204
    assert client.get("/messages").json == []
    assert client.get("/messages/1").status_code == 404


def test_the_page_shows_markup_as_text_and_links_as_links(store: Store, client: FlaskClient) -> None:
    add(store, "<script>alert(1)</script>", '<b>bold</b> https://example.org/"onclick="x javascript:alert(1)')
    page = client.get("/").text
    assert "<script>" not in page
    assert "&lt;b&gt;bold" in page
    assert 'href="https://example.org/' in page
    assert '"onclick=' not in page
    assert 'href="javascript:' not in page


def test_an_empty_mailbox_says_so(client: FlaskClient) -> None:
    assert "No mail" in client.get("/").text
    assert client.get("/healthz").json == {"status": "ok"}
