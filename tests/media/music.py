"""Creates sound that is as hard to encode as a film's: chords, drums and a voice, with no two bars alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy

SAMPLE_RATE = 44_100
CHANNELS = 2
BEAT = SAMPLE_RATE // 2
SYLLABLE = SAMPLE_RATE // 4
BEATS = 4
BAR_SECONDS = BEATS * BEAT / SAMPLE_RATE
SEED = 20
NOTES = 110.0 * 2 ** (numpy.array([0, 3, 5, 7, 10, 12, 15, 17, 19, 22, 24]) / 12)
OVERTONES = 4
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
VOICE_OVERTONES = 15
FORMANT_WIDTH = 120.0
SILENT_SYLLABLES = 0.25
NOISE_SECONDS = 30
PEAK = 0.9

Samples = numpy.ndarray


def bars(count: int, seed: int = SEED) -> Iterator[bytes]:
    """Yield this many bars of BAR_SECONDS: interleaved stereo in 16-bit little-endian samples."""
    random = numpy.random.default_rng(seed)
    noise = pink_noise(random)
    for _ in range(count):
        sound = numpy.concatenate([beat(random, noise) for _ in range(BEATS)])
        sound += numpy.concatenate([syllable(random, noise) for _ in range(len(sound) // SYLLABLE)])
        yield (numpy.tanh(sound) * PEAK * 32_767).astype("<i2").tobytes()


def pink_noise(random: numpy.random.Generator) -> Samples:
    """Return noise with the same power in every octave."""
    spectrum = numpy.fft.rfft(random.standard_normal(NOISE_SECONDS * SAMPLE_RATE))
    spectrum /= numpy.sqrt(numpy.arange(1, len(spectrum) + 1))
    noise = numpy.fft.irfft(spectrum)
    even: Samples = (noise / numpy.abs(noise).max()).astype(numpy.float32)
    return even


def beat(random: numpy.random.Generator, noise: Samples) -> Samples:
    """Return a chord of four plucked notes across the stereo field, and a drum beat."""
    moments = numpy.arange(BEAT, dtype=numpy.float32) / SAMPLE_RATE
    sound = numpy.zeros((BEAT, CHANNELS), numpy.float32)
    for hertz in random.choice(NOTES, 4, replace=False):
        vibrato = random.uniform(0, 0.004) * numpy.sin(2 * numpy.pi * random.uniform(4, 7) * moments)
        place = random.uniform(0.1, 0.9)
        note = 0.16 * tones(hertz * (1 + vibrato), [1 / order for order in range(1, OVERTONES + 1)])
        sound += panned(note * fading(moments, random.uniform(2, 8)), place)
    stroke = piece(random, noise, BEAT) * fading(moments, random.uniform(10, 40))
    drum: Samples = panned(random.uniform(0.2, 0.9) * stroke, random.uniform(0.3, 0.7))
    return drum + sound


def syllable(random: numpy.random.Generator, noise: Samples) -> Samples:
    """Return a consonant and a vowel in the centre, or a pause."""
    moments = numpy.arange(SYLLABLE, dtype=numpy.float32) / SAMPLE_RATE
    if random.random() < SILENT_SYLLABLES:
        return numpy.zeros((SYLLABLE, CHANNELS), numpy.float32)
    pitch = random.uniform(90, 220)
    formants = numpy.array(VOWELS[random.integers(len(VOWELS))])
    overtones = pitch * numpy.arange(1, VOICE_OVERTONES + 1)[:, None]
    loudness = (1 / (1 + ((overtones - formants) / FORMANT_WIDTH) ** 2)).sum(axis=1)
    vowel = 0.2 * tones(pitch * (1 + random.uniform(-0.2, 0.2) * moments), list(loudness))
    voice = vowel * numpy.sin(numpy.pi * moments * SAMPLE_RATE / SYLLABLE) ** 2
    consonant = 0.3 * piece(random, noise, SYLLABLE) * fading(moments, 40)
    return panned(voice + consonant, 0.5)


def tones(hertz: Samples | float, loudness: list[float]) -> Samples:
    """Return a tone with overtones of these amplitudes; the pitch may glide."""
    phase = numpy.cumsum(2 * numpy.pi * numpy.asarray(hertz, numpy.float64) / SAMPLE_RATE)
    waves = (level * numpy.sin((order * phase).astype(numpy.float32)) for order, level in enumerate(loudness, 1))
    return sum(waves, numpy.zeros(len(phase), numpy.float32))


def fading(moments: Samples, speed: float) -> Samples:
    """Return the decaying envelope of a struck note."""
    return numpy.exp(-speed * moments)


def piece(random: numpy.random.Generator, noise: Samples, length: int) -> Samples:
    """Return a random piece of the noise."""
    start = int(random.integers(len(noise) - length))
    return noise[start : start + length]


def panned(sound: Samples, place: float) -> Samples:
    """Return a sound in stereo, panned between 0 (left) and 1 (right)."""
    return numpy.stack([sound * numpy.float32(1 - place), sound * numpy.float32(place)], axis=1)
