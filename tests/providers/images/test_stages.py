"""The base images of a Dockerfile."""

from __future__ import annotations

import pytest

from providers.images.dockerfile import parse
from providers.images.stages import find_bases


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM python:3.12-slim\n", {"python:3.12-slim": "python:3.12-slim"}),
        ("ARG V=3.12\nFROM python:${V}-slim\n", {"python:${V}-slim": "python:3.12-slim"}),
        ("ARG V\nFROM python:${V:-3.13}\n", {"python:${V:-3.13}": "python:3.13"}),
        ("ARG BASE=a\nFROM $BASE\n", {"$BASE": "given"}),
        ("FROM --platform=linux/amd64 a AS one\nFROM one\nFROM ONE AS two\n", {"a": "a"}),
        ("FROM a AS one\nFROM b\nCOPY --from=one /x /x\n", {"a": "a", "b": "b"}),
        ("# FROM commented\nFROM scratch\n", {}),
        ("from a as one\n", {"a": "a"}),
        ("FROM a\nRUN <<EOF\nFROM b\nEOF\nENV X='y\nFROM c\n", {"a": "a", "c": "c"}),
    ],
)
def test_base_images_are_found(text: str, images: dict[str, str]) -> None:
    assert find_bases(parse(text), {"BASE": "given"}) == images
