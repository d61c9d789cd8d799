"""Repeats the checks of rights that a daemon has recorded, without one of the rights."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sandbox.aws import iam as aws
from sandbox.azure import conditions as azure_conditions
from sandbox.azure import rbac as azure
from sandbox.cloud import Resource
from sandbox.gcp import conditions as gcp_conditions
from sandbox.gcp import iam as gcp
from sandbox.store import Store
from tests.e2e.granted import GRANTED
from tests.reliability.rights.held import KINDS, Right

_ACCESS = {"aws": aws.Access, "gcp": gcp.Access, "azure": azure.Access}
_FACTS: dict[str, Any] = {"gcp": gcp_conditions.Facts, "azure": azure_conditions.Facts}
_HOLDING = (aws.POLICY, aws.ROLE, *gcp.MEMBERS, gcp.ROLE, azure.ASSIGNMENT, azure.DEFINITION)


class Checks:
    """The recorded checks of one cloud."""

    def __init__(self, cloud: str, home: Path, store: Store) -> None:
        self._cloud = cloud
        recorded = json.loads((home / GRANTED).read_text())
        self._recorded = [each[1:] for each in recorded if each[0] == cloud]
        project = next(iter(store.all("provider-configuration", "gcp").values()), {}).get("project")
        self._place = SimpleNamespace(project=project)
        resources = {key: each for key, each in store.all(KINDS[cloud]).items() if each["type"] in _HOLDING}
        self._documents = {KINDS[cloud]: resources, aws.PUBLIC: store.all(aws.PUBLIC)}

    def find_refused(self, right: Right | None) -> list[str]:
        """Return the checks that fail without a right, or those that fail with all of them."""
        documents = {kind: dict(each) for kind, each in self._documents.items()}
        if right is not None:
            del documents[right.kind][right.key]
            if right.without is not None:
                documents[right.kind][right.key] = right.without
        access = self._open(documents)
        return [json.dumps(check) for check in self._recorded if not self._passes(access, check)]

    def _open(self, documents: dict[str, dict[str, Any]]) -> Any:
        resources = {key: Resource(**each) for key, each in documents[KINDS[self._cloud]].items()}

        def list_(type_: str) -> list[Resource]:
            return [each for each in resources.values() if each.type == type_]

        def find(type_: str, **outputs: Any) -> Resource | None:
            return next(
                (one for one in list_(type_) if all(one.outputs.get(key) == each for key, each in outputs.items())),
                None,
            )

        store = SimpleNamespace(get=lambda kind, key: documents[kind].get(key))
        kernel = SimpleNamespace(store=store)
        cloud = SimpleNamespace(
            kernel=kernel, resources=list_, find=find, project=self._place.project, get=partial(_get, resources)
        )
        return _ACCESS[self._cloud](cloud)

    def _passes(self, access: Any, check: list[Any]) -> bool:
        method, *arguments = check
        if self._cloud in _FACTS and len(arguments) > 3 and arguments[3] is not None:
            arguments[3] = _FACTS[self._cloud](**arguments[3])
        return bool(getattr(access, method)(*arguments))


def _get(resources: dict[str, Resource], type_: str, id_: str) -> Resource | None:
    return resources.get(f"{type_} {id_}")
