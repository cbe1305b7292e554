"""Pinned third-party programs and files that the tests use."""
