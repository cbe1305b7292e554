"""Python's libraries: requests, httpx and aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.clients.everyday import client
from tests.clients.everyday.client import FORM, PIECE_BYTES, RAW, STREAM, TIMEOUT_SECONDS, Reply


class Requests:
    """requests; it sends credentials that are text in Latin-1, and urllib3 retries if told to."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        is_latin = all(ord(char) < 256 for char in password)
        return _of_requests("POST", url, auth=(email, password if is_latin else password.encode()))

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        headers = client.fields(token, {})
        with video.open("rb") as content:
            if way == FORM:
                return _of_requests("POST", url, headers=headers, files={"file": content})
            body = content if way == RAW else pieces(content)
            return _of_requests("POST", url, headers=headers, params={"filename": video.name}, data=body)

    def get(self, url: str, token: str, **headers: str) -> Reply:
        return _of_requests("GET", url, headers=client.fields(token, headers))

    def wait(self, url: str, token: str) -> bytes:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=Retry(total=30, status_forcelist=[409])))
            got = session.get(url, headers=client.fields(token, {}), timeout=TIMEOUT_SECONDS)
            got.raise_for_status()
            return got.content


class Httpx:
    """httpx."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        return _of_httpx("POST", url, auth=(email, password))

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        headers = client.fields(token, {})
        with video.open("rb") as content:
            if way == FORM:
                return _of_httpx("POST", url, headers=headers, files={"file": content})
            body = content if way == RAW else pieces(content)
            return _of_httpx("POST", url, headers=headers, params={"filename": video.name}, content=body)

    def get(self, url: str, token: str, **headers: str) -> Reply:
        return _of_httpx("GET", url, headers=client.fields(token, headers))

    def wait(self, url: str, token: str) -> bytes:
        return client.polled(lambda: self.get(url, token))


class Aiohttp:
    """aiohttp; it percent-encodes file names in forms, and asks before it sends a body if told to."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        credentials = aiohttp.encode_basic_auth(email, password, encoding="utf-8")
        return _of_aiohttp("POST", url, headers={"Authorization": credentials})

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        headers = client.fields(token, {})
        with video.open("rb") as content:
            if way == FORM:
                return _of_aiohttp("POST", url, headers=headers, data={"file": content})
            body = content if way == RAW else async_pieces(content)
            query = {"filename": video.name}
            return _of_aiohttp("POST", url, headers=headers, params=query, data=body, expect100=True)

    def get(self, url: str, token: str, **headers: str) -> Reply:
        return _of_aiohttp("GET", url, headers=client.fields(token, headers))

    def save(self, url: str, token: str, folder: Path) -> None:
        async def download() -> None:
            async with aiohttp.request("GET", url, headers=client.fields(token, {})) as got:
                assert got.content_disposition is not None
                (folder / str(got.content_disposition.filename)).write_bytes(await got.read())

        asyncio.run(download())

    def wait(self, url: str, token: str) -> bytes:
        return client.polled(lambda: self.get(url, token))


def pieces(content: Any) -> Iterator[bytes]:
    """Yield a file's bytes, so that a client cannot know how many there are."""
    while piece := content.read(PIECE_BYTES):
        yield piece


async def async_pieces(content: Any) -> AsyncIterator[bytes]:
    """Yield a file's bytes, so that a client cannot know how many there are."""
    for piece in pieces(content):
        yield piece


def _of_requests(method: str, url: str, **more: Any) -> Reply:
    got = requests.request(method, url, timeout=TIMEOUT_SECONDS, **more)
    return Reply(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)


def _of_httpx(method: str, url: str, **more: Any) -> Reply:
    got = httpx.request(method, url, timeout=TIMEOUT_SECONDS, **more)
    return Reply(got.status_code, got.headers, got.content)


def _of_aiohttp(method: str, url: str, **more: Any) -> Reply:
    async def ask() -> Reply:
        async with aiohttp.request(method, url, **more) as got:
            return Reply(got.status, {name.lower(): value for name, value in got.headers.items()}, await got.read())

    return asyncio.run(ask())
