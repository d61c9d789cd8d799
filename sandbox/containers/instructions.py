"""What has to be known of a Dockerfile before an engine builds it: the images it begins from, and its RUNs."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Mapping

from dockerfile_parse import DockerfileParser

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_RUN = re.compile(r"^(\s*RUN)(\s)", re.IGNORECASE)


def bases(text: str, build_args: Mapping[str, str]) -> dict[str, str]:
    """Image as its FROM writes it -> with its variables resolved; without `scratch` and the names of stages."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, str] = {}
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        name, words = entry["instruction"].upper(), entry["value"].split()
        if name == "ARG":
            for item in shlex.split(entry["value"]):
                key, _, default = item.partition("=")
                arguments.setdefault(key, build_args.get(key, _expand(default, arguments)))
        elif name == "FROM":
            written = next((word for word in words if not word.startswith("--")), "")
            image = _expand(written, arguments)
            if image != "scratch" and image.lower() not in stages:
                found[written] = image
            if len(words) > 2 and words[-2].lower() == "as":
                stages.add(words[-1].lower())
    return found


def with_mounts(text: str, mounts: list[str]) -> str:
    """The Dockerfile with these flags at each RUN."""
    lines = text.splitlines(keepends=True)
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        if entry["instruction"].upper() == "RUN":
            first = entry["startline"]
            lines[first] = _RUN.sub(lambda found: f"{found[1]} {' '.join(mounts)}{found[2]}", lines[first])
    return "".join(lines)


def _expand(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: known.get(m[1] or m[3]) or m[2] or "", text)
