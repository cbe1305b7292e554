"""The videos that the tests send, and the check of the MP3 that comes back."""
