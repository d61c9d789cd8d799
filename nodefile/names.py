"""Checks node names. The rules are the same for all clouds, because the names of resources are built from them."""

from __future__ import annotations

import re

from nodefile.model import MAX_NAME, NODE_NAME


def check_name(name: str) -> str | None:
    """Return a sentence that says why a node name is not valid, or None if it is."""
    if not re.fullmatch(NODE_NAME, name) or "--" in name:
        return (
            f'"{name}" is not a valid node name on all clouds; expected lower-case letters, digits and single hyphens, '
            "beginning with a letter."
        )
    if not 2 <= len(name) <= MAX_NAME:
        count = "1 character" if len(name) == 1 else f"{len(name)} characters"
        return f'"{name}" has {count}; a node name has 2 to {MAX_NAME}.'
    return None
