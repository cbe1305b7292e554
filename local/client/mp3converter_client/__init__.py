"""The command line of the video-to-MP3 service."""

__version__ = "0.6.0"
