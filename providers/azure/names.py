"""Names for the resources whose limits are too tight for their logical names.

Physical names are the provider's to choose: azure-native appends eight random hex digits to the logical name and keeps
the result in the state. That is what makes world-wide names (registry, storage account, vault, web app) unique without
asking for the subscription, lets a replacement be created before its predecessor goes, and lets an `up` after a
`destroy` succeed while the old vault still sits soft-deleted under the old name. Storage accounts, registries and
vaults have at most 24 characters and no room for a hyphen, so their logical names are a word and a short hash.
"""

from __future__ import annotations

import hashlib

AUTONAME_DIGITS = 8
"""What azure-native appends to a logical name."""


def short(word: str, *parts: str) -> str:
    """`word` and six hex digits that stand for `parts`: at most 12 lower-case letters and digits for a word of six."""
    return word + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:6]


def group(project: str, stack: str, region: str) -> str:
    """The resource group's logical name: what a person looks for in the portal; with the digits at most 90."""
    return f"{project[:28]}-{stack[:28]}-{region}"
