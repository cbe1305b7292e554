"""The sample video, and a check that an MP3 contains its tone."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy

from local.problem import Problem

TONE_HZ = 440
SECONDS = 5
RATE = 44100
TIMEOUT_SECONDS = 60
PITCH_TOLERANCE_HZ = 3.0
DURATION_TOLERANCE_SECONDS = 0.25
MIN_LOUDNESS = 0.02


def make(path: Path) -> Path:
    """Create the video, a test picture and a tone, if it does not exist."""
    if not path.exists():
        unfinished = path.with_suffix(".new.mp4")
        _ffmpeg(
            ["-f", "lavfi", "-i", f"testsrc=size=320x240:rate=25:duration={SECONDS}"],
            ["-f", "lavfi", "-i", f"sine=frequency={TONE_HZ}:sample_rate={RATE}:duration={SECONDS}"],
            ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-y", str(unfinished)],
        )
        unfinished.rename(path)
    return path


def check(mp3: Path) -> None:
    """Decode an MP3; raise Problem unless it contains the tone at its full length."""
    raw = _ffmpeg(["-i", str(mp3)], ["-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"])
    samples = numpy.frombuffer(raw, dtype="<f4")
    duration = len(samples) / RATE
    if abs(duration - SECONDS) > DURATION_TOLERANCE_SECONDS:
        raise Problem(f"The MP3 of the {SECONDS} s sample is {duration:.2f} s long. See: ./local/logs convert")
    loudness = float(numpy.sqrt(numpy.mean(samples**2)))
    pitch = _pitch(samples)
    if loudness < MIN_LOUDNESS or abs(pitch - TONE_HZ) > PITCH_TOLERANCE_HZ:
        raise Problem(f"The MP3 contains {pitch:.0f} Hz instead of {TONE_HZ} Hz. See: ./local/logs convert")


def _pitch(samples: "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]") -> float:
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.fft.rfftfreq(len(samples), 1 / RATE)[int(spectrum.argmax())])


def _ffmpeg(*arguments: list[str]) -> bytes:
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-nostdin",
        *(word for part in arguments for word in part),
    ]
    result = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    if result.returncode:
        raise Problem(f"ffmpeg failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout
