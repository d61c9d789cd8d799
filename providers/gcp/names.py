"""The fixed names on Google Cloud, for resources whose names are too short for auto-naming or not auto-named.

The provider chooses most physical names (the logical name and seven hex digits). The names of service accounts,
repositories and secrets are built here. They are stable and differ between projects, stacks and regions, so that two
stacks in one Google project do not collide. The ids of custom roles also differ from those of a destroyed stack of the
same name.
"""

from __future__ import annotations

import hashlib
import re

import pulumi

from providers.component import Stack


def derive_digits(stack: Stack, region: str) -> str:
    """Return five hex digits that identify a cluster."""
    return hashlib.sha256("\n".join((stack.project, stack.name, region)).encode()).hexdigest()[:5]


def derive_fresh_digits(stack: Stack, region: str) -> pulumi.Output[str]:
    """Return eight hex digits that identify a cluster and change when the stack is destroyed and created again."""
    return pulumi.Output.unsecret(
        stack.webhook_key.apply(lambda key: hashlib.sha256(f"{key}\n{region}".encode()).hexdigest()[:8])
    )


def name_account(word: str, cluster: str) -> str:
    """Return the id of a service account. It may have 6 to 30 characters: at most 24 for `word`."""
    return f"{word}-{cluster}"


def build_labels(tags: dict[str, str]) -> dict[str, str]:
    """Convert tags to labels. Characters that labels cannot contain, as in project and stack names, become hyphens."""
    return {key: re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63] for key, value in tags.items()}
