"""Records which rights the clouds' identities have used: every check that the sandbox made and that was passed.

The deployer may do everything in the sandbox, so its checks say nothing and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from sandbox.aws import iam as aws
from sandbox.azure import rbac as azure
from sandbox.gcp import iam as gcp

GRANTED = "granted.json"
_CHECKS: tuple[tuple[str, Any, str], ...] = (
    ("aws", aws.Access, "is_allowed"),
    ("aws", aws.Access, "assumable"),
    ("aws", aws.Access, "is_public"),
    ("gcp", gcp.Access, "is_allowed"),
    ("azure", azure.Access, "is_allowed"),
)
_DEPLOYERS = {aws.DEPLOYER, gcp.DEPLOYER, azure.DEPLOYER}


class Granted:
    """The checks that were passed since `watch`."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def watch(self) -> None:
        """Note every check from now on."""
        for cloud, class_, method in _CHECKS:
            setattr(class_, method, self._wrap(cloud, method, getattr(class_, method)))

    def _wrap(self, cloud: str, method: str, check: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(access: Any, *arguments: Any) -> Any:
            passed = check(access, *arguments)
            if passed and arguments[0] not in _DEPLOYERS:
                plain = [asdict(value) if is_dataclass(value) else value for value in arguments]  # type: ignore[arg-type]
                self._texts.add(json.dumps([cloud, method, *plain], default=dict, sort_keys=True))
            return passed

        return wrapped

    def write(self, home: Path) -> None:
        """Write the checks to a file in the sandbox's folder."""
        (home / GRANTED).write_text(json.dumps([json.loads(text) for text in sorted(self._texts)], indent=1))
