"""How a job is brought to a step of sweep and of the operator's command: by other crashes, by time, by commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pika

from functions.common import events
from tests.chaos import requests
from tests.chaos.crash_ground import KILLED, Fate, Ground
from tests.chaos.crash_means import answering, held, video
from tests.clients.waiting import until
from tests.connector.queues import STRUCTURED, Queues
from tests.media.videos import half_video

JOB_KEPT = timedelta(days=90)


def after_crashes_at(*earlier: str) -> Callable[[Ground, str, str], None]:
    """Return what kills somebody at each of these steps in turn; then time passes, and sweep mends it."""

    def cause(ground: Ground, step: str, name: str) -> None:
        for number, one in enumerate(earlier):
            ground.arm(one)
            if number:
                ground.time_passes(name)
            else:
                ground.send(name, video(ground))
            ground.await_crash(one)
        ground.arm(step)
        ground.time_passes(name)
        ground.await_crash(step)

    return cause


def tombstone(ground: Ground, step: str, name: str) -> None:
    """An upload died long ago, its files are gone, and its document goes too."""
    ground.arm("upload:accept.before")
    ground.send(name, video(ground))
    ground.await_crash("upload:accept.before")
    ground.time_passes(name)
    until(lambda: ground.cleaned(name), "its files to go")
    ground.arm(step)
    until(lambda: ground.time_passes(name), "time to pass")
    ground.await_crash(step)


def kept_for(length: timedelta) -> Callable[[Ground, str, str], None]:
    """Return what lets a job lie for so long after its end."""

    def cause(ground: Ground, step: str, name: str) -> None:
        ground.send(name, video(ground))
        until(lambda: ground.cleaned(name), "its files to be looked at")
        if length >= JOB_KEPT:
            ground.deleted.add(ground.job(name)["_id"])
        ground.arm(step)
        until(lambda: ground.time_passes(name, length), "time to pass")
        ground.await_crash(step)

    return cause


def mp3_that_cannot_be_deleted(ground: Ground, step: str, name: str) -> None:
    """A converter died over an MP3, and the database does not answer when sweep deletes that."""
    ground.arm("convert:mp3s.files.after")
    ground.send(name, video(ground))
    ground.await_crash("convert:mp3s.files.after")
    ground.arm(step)
    with held(ground, requests.DELETE_MP3S):
        ground.time_passes(name)
        ground.await_crash(step)


def deleted(ground: Ground, step: str, name: str) -> None:
    """The operator deletes a job that is done."""
    ground.send(name, video(ground))
    ground.await_fate(name, Fate("done"))
    fid = ground.job(name)["_id"]
    ground.deleted.add(fid)
    ground.arm(step)
    assert ground.command("delete", fid) == KILLED


def retried(ground: Ground, step: str, name: str) -> None:
    """The operator mends a video and has it converted again."""
    ground.send(name, half_video(ground.videos))
    ground.await_fate(name, Fate("failed"))
    fid = ground.job(name)["_id"]
    ground.arena.inspector.replace_video(fid, video(ground).read_bytes())
    ground.arm(step)
    assert ground.command("retry", fid) == KILLED


def letter_replayed(ground: Ground, step: str, name: str) -> None:
    """The operator replays a dead letter, and after the crash once more: a mail that was refused is sent again."""
    with answering(ground, "550 5.1.1 no such user"):
        ground.send(name, video(ground))
        ground.await_fate(name, Fate("done", "failed", 0))
    job = ground.job(name)
    properties = pika.BasicProperties(content_type=STRUCTURED, delivery_mode=2)
    Queues(ground.arena.stack.rabbitmq_url).publish("mp3s.dead", properties, events.encode(events.of(job)))
    ground.arm(step)
    assert ground.command("replay", job["_id"]) == KILLED
    assert ground.command("replay", job["_id"]) == (1 if step == "jobs:letters.drop.after" else 0)
