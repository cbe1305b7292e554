"""Letters: a mail in plain text with the same sentences in HTML, which needs nothing from outside."""

from __future__ import annotations

import html
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from email.utils import formatdate
from typing import NamedTuple

_UNSUBSCRIBE = "List-Unsubscribe"
# Old programs ignore <style> and show the colours in the elements; newer ones take these where the reader's are dark.
_STYLE = """\
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background-color: #131518 !important; }
  .card { background-color: #1e2125 !important; border-color: #343a41 !important; color: #e8eaed !important; }
  .quiet { color: #a7afb9 !important; border-color: #343a41 !important; }
  .quiet a { color: #8ab8f0 !important; }
  .button { background-color: #8ab8f0 !important; color: #0b1b2e !important; }
}"""
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px"
_TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
_PARAGRAPH = '<p style="margin:0 0 16px">{}</p>'
_QUIET = '<p style="margin:8px 0 0">{}</p>'
_BUTTON = (
    'class="button" style="display:inline-block;padding:12px 22px;background-color:#1a5fb4;color:#ffffff;'
    'font-weight:bold;text-decoration:none;border-radius:6px"'
)
_PLAIN = 'style="color:#1a5fb4"'


class Link(NamedTuple):
    """An address; the HTML part shows its label instead."""

    label: str
    address: str


Block = str | Link


class Letter(NamedTuple):
    """What a letter says: paragraphs and links, and below them those that matter less.

    Mail programs show the summary, which is one of its sentences, beside the subject.
    """

    subject: str
    summary: str
    blocks: tuple[Block, ...]
    small: tuple[Block, ...] = ()


class _OneLine(UnstructuredHeader, BaseHeader):
    """A field that is not folded: that would encode an address that is longer than a line."""

    def fold(self, *, policy: Policy) -> str:
        """Return the whole field."""
        return f"{_UNSUBSCRIBE}: {self}{policy.linesep}"


_FIELDS = HeaderRegistry()
_FIELDS.map_to_type(_UNSUBSCRIBE, _OneLine)


def compose(letter: Letter, *, sender: str, recipient: str, message_id: str, unsubscribe: str = "") -> EmailMessage:
    """Return the mail; `unsubscribe` is an address that stops such mails (RFC 2369, and RFC 8058 if it is https)."""
    message = EmailMessage(default.clone(header_factory=_FIELDS))
    message["Subject"] = letter.subject
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = formatdate()
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies
    if unsubscribe:
        message[_UNSUBSCRIBE] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # ASCII, because not every relay takes 8 bits.
    message.set_content(_text(letter), cte="quoted-printable")
    message.add_alternative(_html(letter), subtype="html", cte="quoted-printable")
    return message


def _text(letter: Letter) -> str:
    def shown(block: Block) -> str:
        return block.address if isinstance(block, Link) else block

    blocks = "\n\n".join(map(shown, letter.blocks))
    small = "\n".join(map(shown, letter.small))
    return f"{blocks}\n\n{small}\n" if small else f"{blocks}\n"


def _html(letter: Letter) -> str:
    blocks = "\n".join(_PARAGRAPH.format(_marked_up(block, _BUTTON)) for block in letter.blocks)
    small = "\n".join(_QUIET.format(_marked_up(block, _PLAIN)) for block in letter.small)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{_escaped(letter.subject)}</title>
<style>
{_STYLE}
</style>
</head>
<body class="page" bgcolor="#f3f4f6" style="margin:0;padding:0;background-color:#f3f4f6">
<div style="display:none;font-size:1px;line-height:1px;max-height:0;overflow:hidden">{_escaped(letter.summary)}</div>
<table {_TABLE} class="page" style="background-color:#f3f4f6">
<tr><td align="center" style="padding:24px 12px">
<table {_TABLE} class="card" bgcolor="#ffffff" style="max-width:560px;background-color:#ffffff;color:#1c1f23;\
border:1px solid #dde1e6;border-radius:8px">
<tr><td align="left" style="padding:28px 28px 12px;{_FONT};word-break:break-word;overflow-wrap:anywhere">
{blocks}
</td></tr>
<tr><td align="left" class="quiet" style="padding:8px 28px 20px;border-top:1px solid #dde1e6;color:#5c636d;\
{_FONT.replace("16px", "13px").replace("24px", "20px")};word-break:break-word;overflow-wrap:anywhere">
{small}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
"""


def _marked_up(block: Block, link: str) -> str:
    if isinstance(block, Link):
        return f'<a href="{_escaped(block.address)}" {link}>{_escaped(block.label)}</a>'
    return _escaped(block)


def _escaped(text: str) -> str:
    return html.escape(text.replace("\n", " "))
