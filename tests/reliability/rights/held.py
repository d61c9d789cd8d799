"""The rights that the identities of a deployed stack hold, as the sandbox's store has them, and how to remove one.

A right is the smallest thing that could be left out of the program: an action on a resource in a policy, a permission
of a role, a value of a condition, a member, an assignment, or the trust of a service in a role.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.aws import iam as aws
from sandbox.azure import rbac as azure
from sandbox.gcp import iam as gcp
from sandbox.store import Store

KINDS = {"aws": "resources:aws", "gcp": "resources:gcp", "azure": "resources:azure-native"}
_NOBODY = "-"
_Document = dict[str, Any]


@dataclass(frozen=True)
class Right:
    """One right, and the document of the store that grants it: `without` is the document that does not, or None."""

    cloud: str
    identity: str
    """The name that the program gives the policy, role or member, such as `aws-us-east-1-trigger`."""
    what: str
    kind: str
    key: str
    without: _Document | None

    def __str__(self) -> str:
        return f"{self.identity}: {self.what}"

    @contextmanager
    def removed(self, store: Store) -> Iterator[None]:
        """Take the right away until the context ends."""
        document = store.get(self.kind, self.key)
        assert document is not None
        if self.without is None:
            store.delete(self.kind, self.key)
        else:
            store.put(self.kind, self.key, self.without)
        try:
            yield
        finally:
            store.put(self.kind, self.key, document)


def list_rights(cloud: str, store: Store) -> list[Right]:
    """Return all rights of a cloud's identities."""
    rights: list[Right] = []
    for key, document in store.all(KINDS[cloud]).items():
        for what, without in _LISTED.get(document["type"], _list_nothing)(document):
            rights.append(Right(cloud, document["name"], what, KINDS[cloud], key, without))
    if cloud == "aws":
        for key, document in store.all(aws.PUBLIC).items():
            for name in document["statements"]:
                without = document | {"statements": [each for each in document["statements"] if each != name]}
                rights.append(Right(cloud, "anybody", f"call the trigger ({name})", aws.PUBLIC, key, without))
    return rights


_Listed = Iterator[tuple[str, _Document | None]]


def _list_nothing(_document: _Document) -> _Listed:
    yield from ()


def _list_policy(document: _Document) -> _Listed:
    policy = json.loads(document["outputs"]["policy"])
    for index, statement in enumerate(policy["Statement"]):
        actions, resources = aws.as_list(statement["Action"]), aws.as_list(statement["Resource"])
        for action in actions:
            for resource in resources:
                less = [
                    statement | {"Action": [each for each in actions if each != action]},
                    statement | {"Action": action, "Resource": [each for each in resources if each != resource]},
                ]
                less = [each for each in less if each["Action"] and each["Resource"]]
                yield f"{action} on {resource}", _write_policy(document, policy, index, less)
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                for value in aws.as_list(values) if len(aws.as_list(values)) > 1 else ():
                    others = [each for each in values if each != value]
                    fewer = statement | {"Condition": {**statement["Condition"], operator: {**keys, key: others}}}
                    yield f"{', '.join(actions)} if {key} is {value}", _write_policy(document, policy, index, [fewer])


def _write_policy(document: _Document, policy: _Document, index: int, statements: list[_Document]) -> _Document:
    all_ = [*policy["Statement"][:index], *statements, *policy["Statement"][index + 1 :]]
    return _set(document, policy=json.dumps(policy | {"Statement": all_}))


def _list_trust(document: _Document) -> _Listed:
    policy = json.loads(document["outputs"]["assumeRolePolicy"])
    for statement in policy["Statement"]:
        for service in aws.as_list(statement["Principal"]["Service"]):
            text = document["outputs"]["assumeRolePolicy"].replace(service, _NOBODY)
            yield f"sts:AssumeRole by {service}", _set(document, assumeRolePolicy=text)


def _list_whole(name: Callable[[_Document], str]) -> Callable[[_Document], _Listed]:
    def list_(document: _Document) -> _Listed:
        yield name(document["outputs"]), None
        yield from _list_conditions(document)

    return list_


def _list_permissions(document: _Document) -> _Listed:
    permissions = document["outputs"]["permissions"]
    for permission in permissions:
        yield permission, _set(document, permissions=[each for each in permissions if each != permission])


def _list_actions(document: _Document) -> _Listed:
    (permission,) = document["outputs"]["permissions"]
    for side in ("actions", "dataActions"):
        for action in permission.get(side) or []:
            fewer = [each for each in permission[side] if each != action]
            yield action, _set(document, permissions=[permission | {side: fewer}])


_COMPARED = re.compile(r"(startsWith\(|StringStartsWith )'([^']*)'")


def _list_conditions(document: _Document) -> _Listed:
    """Yield each text with which a condition compares the beginning of a name."""
    condition = document["outputs"].get("condition") or ""
    text = condition["expression"] if isinstance(condition, dict) else condition
    for match in _COMPARED.finditer(text):
        changed = f"{text[: match.start(2)]}{_NOBODY}{text[match.end(2) :]}"
        named = (
            re.findall(r"[\w.]+", text[: match.start()])[-1]
            if "getAttribute" not in text[: match.start()]
            else "prefix"
        )
        without = changed if isinstance(condition, str) else condition | {"expression": changed}
        yield f"{_name_role(document['outputs'])} if {named} begins with {match[2]}", _set(document, condition=without)


def _set(document: _Document, **outputs: Any) -> _Document:
    return document | {"outputs": document["outputs"] | outputs}


def _name_role(outputs: _Document) -> str:
    return str(outputs.get("role") or outputs["roleDefinitionId"].rsplit("/", 1)[-1])


_MEMBER = _list_whole(lambda outputs: f"{_name_role(outputs)} on {outputs['scope']}")
_LISTED: dict[str, Callable[[_Document], _Listed]] = {
    aws.POLICY: _list_policy,
    aws.ROLE: _list_trust,
    aws.ATTACHMENT: _list_whole(lambda outputs: str(outputs["policyArn"])),
    **dict.fromkeys(gcp.MEMBERS, _MEMBER),
    gcp.ROLE: _list_permissions,
    azure.ASSIGNMENT: _MEMBER,
    azure.DEFINITION: _list_actions,
}
