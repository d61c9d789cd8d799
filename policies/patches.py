"""Patches Pulumi's policy library: replaces its servicer with one that keeps the engine's requests.

The servicer is a private part of the library, so only the checked version is patched; requirements.txt pins it. With
any other version the pack does not start, because no rule works without the patch. To change the pin, compare
`_PolicyAnalyzerServicer` of the new version (pulumi_policy/policy.py) with the old one and set `CHECKED`.
"""

from __future__ import annotations

import importlib.metadata
import sys
from types import ModuleType

CHECKED = "1.21.0"
"""The version of pulumi-policy that this patch was checked with."""


def replace_servicer(library: ModuleType, servicer: type) -> None:
    """Replace the library's servicer with `servicer`. Ends the process if the library has another version.

    Upstream: github.com/pulumi/pulumi-policy/issues/241 (open): a policy cannot tell whether a value is secret.
    """
    installed = importlib.metadata.version("pulumi-policy")
    if installed != CHECKED:
        sys.exit(
            f"The policy pack works with pulumi-policy {CHECKED}, but {installed} is installed. Install the packages "
            "of policies/requirements.txt (run `pulumi install` in policies/)."
        )
    vars(library)["_PolicyAnalyzerServicer"] = servicer
