"""What is in the images, and what is not."""

from __future__ import annotations

import pytest

from local import version
from tests.containers import contents
from tests.containers.building import FUNCTIONS
from tests.containers.image import Image

pytestmark = [pytest.mark.platforms, pytest.mark.parametrize("function", FUNCTIONS)]

MEGABYTE = 10**6
MOST = dict.fromkeys(FUNCTIONS, 64 * MEGABYTE) | {"convert": 380 * MEGABYTE}


def test_it_is_built_on_the_base_and_within_its_limit(image: Image, base: Image, function: str) -> None:
    assert image.layers[: len(base.layers)] == base.layers
    over_the_base = image.size - base.size
    print(f"{function}: {over_the_base / MEGABYTE:.1f} MB over the base of {base.size / MEGABYTE:.1f} MB")
    assert 0 < over_the_base <= MOST[function]


def test_it_contains_its_function_and_the_shared_code(image: Image, function: str) -> None:
    with image.files() as root:
        assert contents.foreign_rooms(root, function) == []
        assert contents.other_files(root) == []
        assert contents.unbuilt(root, function) == []


def test_all_of_it_is_compiled(image: Image) -> None:
    with image.files() as root:
        assert contents.uncompiled(root) == []


def test_only_convert_has_media_libraries(image: Image, function: str) -> None:
    with image.files() as root:
        assert bool(contents.media(root)) == (function == "convert"), contents.media(root)


def test_it_has_no_writable_or_setuid_files(image: Image, base: Image) -> None:
    with image.files() as root, base.files() as below:
        assert contents.changeable(root, below) == []
        assert contents.installers(root) == []


def test_it_has_its_labels(image: Image, base: Image, function: str) -> None:
    assert image.config["User"] == "65532:65532"
    assert list(image.config["ExposedPorts"]) == ["8080/tcp"]
    assert image.config["Labels"]["org.opencontainers.image.title"] == f"mp3converter/{function}"
    assert image.config["Labels"]["org.opencontainers.image.version"] == version.own()
    assert image.config["Labels"]["org.opencontainers.image.base.name"] == base.name
    assert image.config["Labels"]["org.opencontainers.image.base.digest"] == base.digest
