"""Byte patterns that identify one kind of request to a backend."""

# MongoDB: names and values in BSON, as the transitions write them.
ACCEPT = b"\x10size\0"
CLAIM = b"\x02lease.holder\0"
CLAIM_MAIL = b"\x02mail.token\0"
RETRY = b"\x03retries\0"
FINISH = b"\x02file_id\0"
HAND_OVER = b"\x02mail.message_id\0"
MAIL_SENT = b"\x02mail.state\0\x05\0\0\0sent\0"
# A query of 51 bytes: only a job's id.
FIND_JOB = b"\x02find\0\x05\0\0\0jobs\0\x03filter\0\x33\0\0\0"
DELETE_MP3S = b"\x02delete\0\x0b\0\0\0mp3s.files\0"

# SMTP; smtplib sends "TO:" or "to:", depending on Python's version
RECIPIENT = b"rcpt "
FINAL_DOT = b"\r\n.\r\n"
