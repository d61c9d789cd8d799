"""Names for the resources whose limits are too tight for auto-naming, or that the provider does not name by itself.

Most physical names are the provider's to choose (logical name and seven hex digits). Service accounts, repositories and
secrets are named here: stable, and another for each project, stack and region, so that two stacks in one Google project
do not collide. Ids of custom roles must also differ from those of a stack of the same name that was destroyed.
"""

from __future__ import annotations

import hashlib
import re

import pulumi

from providers.contract import Stack


def digits(stack: Stack, region: str) -> str:
    """Five hex digits that stand for a stack's cluster."""
    return hashlib.sha256("\n".join((stack.project, stack.name, region)).encode()).hexdigest()[:5]


def fresh_digits(stack: Stack, region: str) -> pulumi.Output[str]:
    """Eight hex digits that stand for a cluster, and are others once the stack was destroyed and made again."""
    return pulumi.Output.unsecret(
        stack.webhook_key.apply(lambda key: hashlib.sha256(f"{key}\n{region}".encode()).hexdigest()[:8])
    )


def account(word: str, purpose: str, cluster: str) -> str:
    """A service account's id: 6 to 30 characters, beginning with a letter; `word` has at most 20, `purpose` 3."""
    return f"{word}-{purpose}-{cluster}"


def labels(tags: dict[str, str]) -> dict[str, str]:
    """Tags as labels; the names of project and stack may hold what a label may not."""
    return {key: re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63] for key, value in tags.items()}
