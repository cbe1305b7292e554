"""The tests' clients: plain HTTP, real curl, clients that die, the mailbox, the database."""
