"""The patch of Pulumi's policy library: its servicer is replaced by one that keeps what the engine sends.

The servicer is a private part of the library, so only the version that was checked is patched; requirements.txt pins
it. On any other the pack does not start, since no rule works without the patch. To move the pin, compare
`_PolicyAnalyzerServicer` of the new version (pulumi_policy/policy.py) with the old one and set `CHECKED`.
"""

from __future__ import annotations

import importlib.metadata
import sys
from types import ModuleType

CHECKED = "1.21.0"
"""The version of pulumi-policy whose servicer was read for this patch."""


def replace_servicer(library: ModuleType, servicer: type) -> None:
    """Serve packs by `servicer`. Ends the process on a version that was not checked.

    Upstream: github.com/pulumi/pulumi-policy/issues/241 (open): a policy cannot tell whether a value is secret.
    """
    installed = importlib.metadata.version("pulumi-policy")
    if installed != CHECKED:
        sys.exit(
            f"The policy pack was checked with pulumi-policy {CHECKED}, and {installed} is installed. Install the "
            "packages of policies/requirements.txt (`pulumi install` in policies/)."
        )
    vars(library)["_PolicyAnalyzerServicer"] = servicer
