"""The limits on tags that AWS and Azure share."""

from __future__ import annotations

from collections.abc import Iterator

from nodefile import Node

MAX_TAGS, MAX_KEY, MAX_VALUE = 50, 128, 256
OWN_TAGS = ("project", "stack", "node")


def check_tags(node: Node, project: str, stack: str, cloud: str, ignores: str) -> Iterator[str]:
    """Yield a sentence, without a full stop, for each of a resource's tags that is not possible."""
    if len(node.tags) + len(OWN_TAGS) > MAX_TAGS:
        yield (
            f"{len(node.tags)} tags are too many: {cloud} allows {MAX_TAGS} per resource, and {', '.join(OWN_TAGS)} "
            f"are {len(OWN_TAGS)} of them"
        )
    seen = {name: name for name in OWN_TAGS}
    for key, value in node.tags.items():
        if seen.get(key.lower(), key) != key:
            yield f'"{key}" and "{seen[key.lower()]}" are the same tag {ignores} case in tags'
        seen[key.lower()] = key
        if not key or len(key) > MAX_KEY:
            yield f'the tag "{key}" has {len(key)} characters; {cloud} allows 1 to {MAX_KEY}'
        if len(value) > MAX_VALUE:
            yield f'the value of tag "{key}" has {len(value)} characters; {cloud} allows {MAX_VALUE}'
    for what, value in (("project", project), ("stack", stack)):
        if len(value) > MAX_VALUE:
            yield f"the {what}'s name has {len(value)} characters and is a tag; {cloud} allows {MAX_VALUE}"
