"""LAME: its settings, and the command that starts it."""

from __future__ import annotations

from dataclasses import dataclass

from functions.convert import ffmpeg

REFUSED = "Error encoding a frame"  # for samples that are not numbers, which a file of floats may contain


@dataclass(frozen=True)
class Settings:
    """LAME's settings: `bitrate` in kbit/s for CBR, or else `quality` 0 to 9 for VBR; `effort` is its `-q`."""

    bitrate: int | None
    quality: int
    effort: int

    def words(self) -> list[str]:
        """Return these settings as arguments of ffmpeg."""
        rate = ["-q:a", str(self.quality)] if self.bitrate is None else ["-b:a", f"{self.bitrate}k"]
        return ["-c:a", "libmp3lame", *rate, "-compression_level", str(self.effort), "-reservoir", "0"]

    def scale(self) -> int:
        """Return LAME's quality indicator for the Info frame, 0 to 100."""
        return 100 - 10 * (self.quality if self.bitrate is None else 0) - self.effort


def command(settings: Settings, rate: int, channels: int) -> list[str]:
    """Return the command that reads floats from standard input and writes MP3 frames only to standard output."""
    return ffmpeg.command(
        "-protocol_whitelist",
        "pipe",
        "-format_whitelist",
        "f32le",
        "-threads",
        "1",
        "-filter_threads",
        "1",
        "-f",
        "f32le",
        "-ar",
        str(rate),
        "-ch_layout",
        "mono" if channels == 1 else "stereo",
        "-i",
        "pipe:0",
        *settings.words(),
        "-write_xing",
        "0",
        "-id3v2_version",
        "0",
        "-flush_packets",
        "0",
        "-f",
        "mp3",
        "pipe:1",
    )
