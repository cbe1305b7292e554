"""The schedule of uploads and faults, decided by the seed before anything runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.chaos.corpus import Sample

SHORTEST_GAP, LONGEST_GAP = 0.5, 3.0
UPLOADS_A_SECOND = 2.0
SILENT_SHARE = 0.15  # of the files
SAME_AGAIN_SHARE = 0.3  # sent without options, so an MP3 of the same file can be copied; others are encoded

# How a client sends its video; the last four never send all of it.
MANNERS = {"raw": 15, "form": 10, "after a login": 6, "closes": 1, "resets": 1, "closes a form": 1, "falls silent": 1}

PROCESSES = {
    "convert": 4,
    "notify": 3,
    "upload": 2,
    "sweep": 2,
    "connector": 2,
    "download": 1,
    "jobs": 1,
    "login": 1,
    "mongodb": 2,
    "rabbitmq": 1,
    "mariadb": 1,
    "mailbox": 1,
}
PROXIES = {"mongodb": 4, "rabbitmq": 3, "smtp": 3, "mysql": 1}
NO_TARGET = {"": 1}
# kind: weight, targets, duration
KINDS: dict[str, tuple[int, dict[str, int], tuple[float, float]]] = {
    "kill": (6, PROCESSES, (0, 0)),
    "stop": (4, PROCESSES, (1, 6)),
    "cut": (2, PROXIES, (0, 0)),
    "reset": (2, PROXIES, (0, 0)),
    "refuse": (2, PROXIES, (0.5, 4)),
    "black_hole": (2, PROXIES, (0.5, 4)),
    "delay": (2, PROXIES, (1, 4)),
    "throttle": (1, PROXIES, (1, 4)),
    "drop_answer": (3, PROXIES, (0.5, 2)),
    "forged events": (2, NO_TARGET, (0, 0)),
    "repeated events": (3, NO_TARGET, (0, 0)),
    "reordered events": (2, NO_TARGET, (0, 0)),
    "sweeps at once": (2, NO_TARGET, (0, 0)),
    "downloads": (3, NO_TARGET, (0, 0)),
    "retries": (3, NO_TARGET, (0, 0)),
}
# A killed process is left alone until it has had time to restart, because one that never runs tests nothing.
REST_SECONDS = {"rabbitmq": 12.0, "mongodb": 5.0, "mariadb": 5.0}
SHORT_REST_SECONDS = 3.0


@dataclass(frozen=True)
class Fault:
    """A fault; `pick` from 0 to 1 chooses among the jobs that exist by then."""

    at: float
    kind: str
    target: str
    seconds: float
    pick: float

    def __str__(self) -> str:
        target = self.target if self.kind in ("kill", "stop") else f"connections to {self.target}"
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind}" + (f" {target}{lasting}" if self.target else "")


@dataclass(frozen=True)
class Upload:
    """An upload, and how the client sends it."""

    at: float
    number: int
    sample: Sample
    manner: str
    options: Mapping[str, str]

    @property
    def filename(self) -> str:
        """Return a name that is unique to this upload's job."""
        return f"chaos-{self.number}-{self.sample.path.name}"

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  upload {self.number}: {self.sample.path.name}, {self.manner} {dict(self.options)}"


def uploads(seed: int, seconds: float, samples: list[Sample]) -> list[Upload]:
    """Return the uploads in order."""
    random = Random(f"uploads {seed}")
    silent = [sample for sample in samples if sample.seconds is None]
    sounding = [sample for sample in samples if sample.seconds is not None]
    moments = sorted(random.uniform(0, seconds) for _ in range(round(seconds * UPLOADS_A_SECOND)))
    return [
        Upload(
            at,
            number,
            random.choice(silent if random.random() < SILENT_SHARE else sounding),
            random.choices(list(MANNERS), list(MANNERS.values()))[0],
            {} if random.random() < SAME_AGAIN_SHARE else _options(random),
        )
        for number, at in enumerate(moments)
    ]


def _options(random: Random) -> dict[str, str]:
    return {"quality": str(random.randint(0, 9)), "effort": str(random.randint(3, 9))}


def faults(seed: int, seconds: float) -> list[Fault]:
    """Return the faults in order, with a random gap between the starts of two faults."""
    random = Random(f"faults {seed}")
    free: defaultdict[str, float] = defaultdict(float)
    found: list[Fault] = []
    at = random.uniform(SHORTEST_GAP, LONGEST_GAP)
    while at < seconds:
        fault = _fault(random, at)
        place = f"{fault.kind in ('kill', 'stop')} {fault.target}"
        if fault.target and at < free[place]:
            continue
        rest = REST_SECONDS.get(fault.target, SHORT_REST_SECONDS) if fault.kind == "kill" else 0.0
        free[place] = at + fault.seconds + rest
        found.append(fault)
        at += random.uniform(SHORTEST_GAP, LONGEST_GAP)
    return found


def _fault(random: Random, at: float) -> Fault:
    kind = random.choices(list(KINDS), [weight for weight, _, _ in KINDS.values()])[0]
    _, targets, (shortest, longest) = KINDS[kind]
    target = random.choices(list(targets), list(targets.values()))[0]
    return Fault(at, kind, target, random.uniform(shortest, longest), random.random())
