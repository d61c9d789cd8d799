"""Adds mounts to a Dockerfile's RUN instructions, which a build needs behind this machine's proxies."""

from __future__ import annotations

import re

from providers.images.dockerfile import parse

_RUN = re.compile(r"^(\s*RUN)(\s)", re.IGNORECASE)


def with_mounts(text: str, mounts: list[str]) -> str:
    """Return the Dockerfile with these flags at each RUN."""
    lines = text.split("\n")
    for instruction in parse(text).instructions:
        if instruction.name == "RUN":
            first = instruction.line - 1
            lines[first] = _RUN.sub(lambda run: f"{run[1]} {' '.join(mounts)}{run[2]}", lines[first])
    return "\n".join(lines)
