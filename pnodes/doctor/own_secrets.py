"""Check that the stack has a secret value for each name of `secrets` in nodes.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodefile import Node
from pnodes.wording import plural
from providers.findings import Finding, failed, ok
from providers.own_secrets import find_mistake, list_names


def examine(nodes: Sequence[Node], project: str, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each name that is not set or is wrong. `config` has the stack's settings by full name."""
    names, wrong = list_names(nodes), 0
    for name in names:
        setting = config.get(f"{project}:{name}") or {}
        value = setting.get("value")
        if mistake := find_mistake(name, None if value is None else str(value), bool(setting.get("secret"))):
            wrong += 1
            yield failed(name, f"{mistake.partition(': ')[0]}.", f"pulumi config set --secret {name}")
    if not wrong:
        yield ok("secrets", f"{plural(len(names), 'value is', 'values are')} set: {', '.join(names)}.")
