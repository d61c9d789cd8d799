"""What a node may be called: the same on all clouds, whose names are built from it."""

from __future__ import annotations

import re

from nodefile.model import MAX_NAME, NODE_NAME


def wrong_name(name: str) -> str | None:
    """What is wrong with a node's name, as a sentence; None when it is right."""
    if not re.fullmatch(NODE_NAME, name) or "--" in name:
        return (
            f'"{name}" cannot be a node\'s name on all clouds; expected lower-case letters, digits and single '
            "hyphens, beginning with a letter."
        )
    if not 2 <= len(name) <= MAX_NAME:
        count = "1 character" if len(name) == 1 else f"{len(name)} characters"
        return f'"{name}" has {count}; a node\'s name has 2 to {MAX_NAME}.'
    return None
