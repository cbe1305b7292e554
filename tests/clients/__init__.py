"""What the tests speak with: plain HTTP, real curl, clients that die, the mailbox, the database."""
