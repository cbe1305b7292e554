"""Videos for tests, and checks of the resulting MP3s."""
