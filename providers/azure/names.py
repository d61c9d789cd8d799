"""The logical names of resources on Azure whose physical names must be short.

The provider chooses physical names: azure-native appends eight random hex digits to the logical name and keeps the
result in the state. So global names (registry, storage account, vault, web app) are unique, a replacement can be
created before the old resource is deleted, and an `up` after a `destroy` succeeds while the old vault's name is still
reserved. The names of storage accounts, registries and vaults have at most 24 characters and no hyphens, so their
logical names are a word and a short hash.
"""

from __future__ import annotations

import hashlib

AUTONAME_DIGITS = 8
"""The number of digits that azure-native appends to a logical name."""


def shorten(word: str, *parts: str) -> str:
    """Return `word` followed by six hex digits that identify `parts`."""
    return word + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:6]


def name_secret(variable: str) -> str:
    """Return the name of a node's own secret in a vault and in a job, which allow no underscores."""
    return variable.lower().replace("_", "-")


def name_group(project: str, stack: str, region: str) -> str:
    """Return the logical name of the resource group, which a person can recognise in the portal."""
    return f"{project[:28]}-{stack[:28]}-{region}"
