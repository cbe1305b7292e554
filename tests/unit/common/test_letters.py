"""Letters: both parts say the same, nothing in them comes from outside, and no text becomes markup."""

from __future__ import annotations

import email
import re
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest

from functions.common import letters
from functions.common.letters import Letter, Link
from tests.unit.pages import Page

ADDRESS = "https://example.org/x?a=b&c=d"
HOSTILE = """<img src=x onerror="alert(1)">' & </p></td><script>1</script><!-- --> &amp; &lt;"""
LETTER = Letter("Hello", "One and\ntwo.", ("First:", Link("Open it", ADDRESS), "One and\ntwo."), ("Small",))
MOST_BYTES = 20_000
ELEMENTS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "p", "a"}
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "style", "bgcolor", "role", "width", "align"} | {
    "cellpadding",
    "cellspacing",
    "border",
}


def composed(letter: Letter = LETTER, unsubscribe: str = "") -> EmailMessage:
    """Return the mail as its recipient gets it: sent as bytes, and parsed again."""
    return email.message_from_bytes(raw(letter, unsubscribe), policy=default)


def raw(letter: Letter = LETTER, unsubscribe: str = "") -> bytes:
    return letters.compose(
        letter,
        sender="MP3 <mp3@example.org>",
        recipient="a@example.org",
        message_id="<1@example.org>",
        unsubscribe=unsubscribe,
    ).as_bytes(policy=SMTP)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found
    return str(found.get_content()).replace("\r\n", "\n")


def page(letter: Letter = LETTER) -> Page:
    return Page(part(composed(letter), "html"))


def test_programs_choose_between_two_parts() -> None:
    """The last one is the best (RFC 2046, section 5.1.4)."""
    message = composed()
    assert message.get_content_type() == "multipart/alternative"
    assert [each.get_content_type() for each in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_plain_text() -> None:
    assert part(composed(), "plain") == f"First:\n\n{ADDRESS}\n\nOne and\ntwo.\n\nSmall\n"
    assert part(composed(LETTER._replace(small=())), "plain") == f"First:\n\n{ADDRESS}\n\nOne and\ntwo.\n"


def test_both_parts_say_the_same() -> None:
    """A link is a button with its label in one, and its address in the other."""
    assert page().text == " ".join(part(composed(), "plain").split())
    assert page().addresses == [ADDRESS]
    assert ">Open it</a>" in part(composed(), "html")


def test_the_summary_is_hidden_and_one_of_the_sentences() -> None:
    assert page().hidden == "One and two."
    assert page().hidden in page().text


def test_the_page_has_its_language_and_subject() -> None:
    assert page().elements[0] == ("html", {"lang": "en"})
    assert page().title == "Hello"


def test_nothing_is_loaded_from_anywhere() -> None:
    """No picture, font, script or style sheet; the only addresses are those of the letter's links."""
    found = page()
    assert {tag for tag, _ in found.elements} == ELEMENTS
    assert {name for _, attributes in found.elements for name in attributes} - {"href"} == ATTRIBUTES
    source = part(composed(), "html")
    assert re.findall(r"\w+://[^\"' <]+", source) == [ADDRESS.replace("&", "&amp;")]
    assert not re.search(r"url\(|@import|cid:|data:", source)


def test_dark_colours_are_there_for_readers_who_want_them() -> None:
    """Every class of the page has some, and the elements have light ones of their own for programs without styles."""
    found = page()
    dark = found.style.partition("@media (prefers-color-scheme: dark)")[2]
    classes = {attributes["class"] for _, attributes in found.elements if "class" in attributes}
    assert classes == {"page", "card", "quiet", "button"} == set(re.findall(r"\.(\w+) \{", dark))
    assert {"name": "color-scheme", "content": "light dark"} in [attributes for _, attributes in found.elements]
    for tag, attributes in found.elements:
        assert "class" not in attributes or tag == "table" or "color" in attributes["style"]


@pytest.mark.attack("M2")
@pytest.mark.attack("B22")
def test_no_text_becomes_markup() -> None:
    hostile = Letter(HOSTILE, HOSTILE, (HOSTILE, Link(HOSTILE, f'https://x/"><b>{HOSTILE}')), (HOSTILE,))
    harmless = Letter("x", "x", ("x", Link("x", "x")), ("x",))
    found = page(hostile)
    assert (found.title, found.hidden) == (HOSTILE, HOSTILE)
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in page(harmless).elements]
    assert found.addresses == [f'https://x/"><b>{HOSTILE}']
    assert found.text == " ".join(part(composed(hostile), "plain").split())


@pytest.mark.attack("M5")
@pytest.mark.parametrize(
    "text", ["a\n.\nb", "a\r.\rb", "a\r\n.\r\nb", ".", "\r", "\n.\r\n", "a\r\n.\rMAIL FROM:<b@x>\r\n"]
)
def test_lines_end_with_cr_and_lf_and_nothing_else_does(text: str) -> None:
    sent = raw(Letter("x", text, (text, Link("x", "https://x/")), (text,)))
    assert b"\r" not in sent.replace(b"\r\n", b"")
    assert b"\n" not in sent.replace(b"\r\n", b"")


def test_a_letter_is_ascii_in_short_lines() -> None:
    """Not every relay takes 8 bits, and none must take lines of more than 998 (RFC 5322, section 2.1.1)."""
    sent = raw(
        Letter("Grüße 😀 " * 20, "ü" * 2000, ("ü" * 2000, Link("ü", f"https://x/{'y' * 3000}"))), f"https://{'x' * 500}"
    )
    assert sent.isascii()
    assert max(map(len, sent.split(b"\r\n"))) <= 998


def test_it_is_small() -> None:
    assert len(raw()) < MOST_BYTES / 3


@pytest.mark.parametrize("length", [1, 50, 70, 300])
def test_the_address_that_stops_mails_stands_in_one_line(length: int) -> None:
    """Encoded or folded, programs would not find it (RFC 8058 section 3.1)."""
    address = f"https://example.org/login/mails?u={'x' * length}"
    assert f"\r\nList-Unsubscribe: <{address}>\r\n".encode() in raw(unsubscribe=address)
    assert composed(unsubscribe=address)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_needs_https() -> None:
    """RFC 8058 section 3.1; the field of RFC 2369 alone does not."""
    message = composed(unsubscribe="http://localhost:8080/login/mails?u=x")
    assert message["List-Unsubscribe"] == "<http://localhost:8080/login/mails?u=x>"
    assert "List-Unsubscribe-Post" not in message


def test_without_an_address_there_is_no_field() -> None:
    assert not any(name.startswith("List-") for name, _ in composed().items())


@pytest.mark.attack("M1")
@pytest.mark.parametrize("field", ["subject", "sender", "recipient", "message_id", "unsubscribe"])
@pytest.mark.parametrize("text", ["a@x.org\r\nBcc: b@x.org", "a\nb", "a\rb"])
def test_no_field_takes_a_line_break(field: str, text: str) -> None:
    fields = {"sender": "a@x.org", "recipient": "a@x.org", "message_id": "<1@x.org>", "unsubscribe": ""}
    with pytest.raises(ValueError, match="may not contain"):
        letters.compose(
            LETTER._replace(subject=text if field == "subject" else "x"),
            **(fields | {field: text} if field != "subject" else fields),
        )
