"""The mail catcher: accepts all mail over SMTP, shows it on a page, and sends nothing on."""

import logging
import os
import signal
from pathlib import Path
from types import FrameType

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from werkzeug.serving import make_server

from local.mailbox.pages import build
from local.mailbox.store import Store

LARGEST_MAIL_BYTES = 1_000_000


class Catcher:
    """The handler for aiosmtpd that stores mails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store a mail."""
        content = envelope.original_content or b""
        self._store.add(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        return "250 OK"


def main() -> None:
    """Serve SMTP and HTTP until SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    host = os.environ["HOST"]
    store = Store(Path(os.environ["MAIL_FOLDER"]))
    smtp = Controller(
        Catcher(store), hostname=host, port=int(os.environ["SMTP_PORT"]), data_size_limit=LARGEST_MAIL_BYTES
    )
    web = make_server(host, int(os.environ["PORT"]), build(store), threaded=True)

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    smtp.start()
    try:
        web.serve_forever()
    finally:
        smtp.stop()


if __name__ == "__main__":
    main()
