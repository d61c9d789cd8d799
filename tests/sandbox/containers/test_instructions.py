"""What is read from a Dockerfile before an engine builds it, and the one thing that is added to it."""

from __future__ import annotations

import pytest

from sandbox.containers.instructions import bases, with_mounts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM python:3.12-slim\n", {"python:3.12-slim": "python:3.12-slim"}),
        ("ARG V=3.12\nFROM python:${V}-slim\n", {"python:${V}-slim": "python:3.12-slim"}),
        ("ARG V\nFROM python:${V:-3.13}\n", {"python:${V:-3.13}": "python:3.13"}),
        ("ARG BASE=a\nFROM $BASE\n", {"$BASE": "given"}),
        ("FROM --platform=linux/amd64 a AS one\nFROM one\nFROM ONE AS two\n", {"a": "a"}),
        ("FROM a AS one\nFROM b\nCOPY --from=one /x /x\n", {"a": "a", "b": "b"}),
        ("# FROM commented\nFROM scratch\n", {}),
        ("from a as one\n", {"a": "a"}),
    ],
)
def test_the_images_that_it_begins_from(text: str, found: dict[str, str]) -> None:
    assert bases(text, {"BASE": "given"}) == found


def test_each_run_gets_the_mounts_and_nothing_else_changes() -> None:
    text = """\
# RUN in a comment
FROM a
RUN one \\
 && RUN two
run ["exec", "form"]
  RUN --mount=type=cache,target=/c three
RUN <<END
four
END
ENV RUN=5
CMD ["RUN"]
"""
    expected = text.replace("RUN one", "RUN M one").replace("run [", "run M [").replace("RUN --", "RUN M --")
    assert with_mounts(text, ["M"]) == expected.replace("RUN <<", "RUN M <<")
