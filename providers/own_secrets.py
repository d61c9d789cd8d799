"""The values of `secrets` in nodes.yaml: settings of the stack with the variables' names, which must be secret.

Unlike Numerai's keys, they are never read from the environment of `pulumi up`: it has the deployer's own tokens, and a
name in nodes.yaml must not suffice to give these to a model.
"""

from __future__ import annotations

from collections.abc import Iterable

from nodefile import Node

MAX_BYTES = 24 * 1024
"""Key Vault takes 25 KB, Secret Manager 64 KiB, and Secrets Manager 64 KiB for all of an account's together."""


def list_names(nodes: Iterable[Node]) -> list[str]:
    """Return the names of all secrets of these nodes."""
    return sorted({name for node in nodes for name in node.secrets})


def find_mistake(name: str, value: str | None, secret: bool) -> str | None:
    """Return a sentence that says what is wrong with a setting and how to set it, or None."""
    command = f"pulumi config set --secret {name}"
    if not value:
        return f"the secret {name} is not set: {command}"
    if not secret:
        return (
            f"the secret {name} is plain text in the stack's settings: replace it where it was issued, then {command}"
        )
    if len(value.encode()) > MAX_BYTES:
        return f"the secret {name} has more than {MAX_BYTES // 1024} KiB: put long values into a file of the image"
    return None
