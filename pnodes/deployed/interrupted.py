"""An `up` whose engine was killed: the lock and the unfinished creations that it has left, and how to repair the stack.

The engine notes each creation before it begins. After a kill it does not know whether the resource exists, and the next
`up` creates it again: then there are two, or the cloud refuses a name that is taken. Most ids follow from the inputs in
the note, so that `pulumi refresh` can look there and adopt what exists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, find_complaint, first_error, stack_option
from pnodes.urn import split_urn
from providers.clouds import list_clouds

_DYNAMIC = "pulumi-python:"
_ELSEWHERE = "Restore an earlier version of it; docs/how-to/interrupted.md says how."


@dataclass(frozen=True)
class Unfinished:
    """A resource whose creation was interrupted. `id` is None if only the cloud knows it."""

    urn: str
    id: str | None
    place: str
    """The region, or an empty string."""

    @property
    def again(self) -> bool:
        """Whether the next `up` creates it again without harm, as our own resources are made."""
        return split_urn(self.urn).type.startswith(_DYNAMIC)

    def __str__(self) -> str:
        _, type_, name = split_urn(self.urn)
        return f"{type_} {name}{' in ' + self.place if self.place else ''}"


def find_unfinished(deployment: Mapping[str, Any]) -> Iterator[Unfinished]:
    """Yield the interrupted creations of an exported deployment."""
    resources = {resource["urn"]: resource for resource in deployment.get("resources") or ()}
    for operation in deployment.get("pending_operations") or ():
        if operation["type"] == "creating":
            resource = operation["resource"]
            provider = resources.get(str(resource.get("provider")).rpartition("::")[0], {})
            values = {**(provider.get("inputs") or {}), **(resource.get("inputs") or {})}
            # A replacement is created while the state still has the old resource under the same URN.
            known = resource["urn"] not in resources and not resource["type"].startswith(_DYNAMIC)
            id_ = (resource.get("id") or _find_id(resource["type"], values)) if known else None
            yield Unfinished(resource["urn"], id_, str(values.get("region") or values.get("location") or ""))


def _find_id(type_: str, values: Mapping[str, str]) -> str | None:
    package = type_.partition(":")[0]
    return next((cloud.find_id(type_, values) for cloud in list_clouds() if cloud.package == package), None)


def mend_state(pulumi: Pulumi, stack: str | None) -> list[str]:
    """Make the state readable if it is not; returns what was done. Raises UserError.

    In a local backend, a kill can leave `STACK.json.attrs` empty, without which the engine cannot open the state.
    `STACK.json.bak` is the state before the last step.
    """
    tried = pulumi.run("stack", "export", *stack_option(stack))
    if tried.returncode == 0 or find_complaint(tried.stderr):
        return []
    url = str(json.loads(pulumi.read("whoami", "--json")).get("url") or "")
    if not url.startswith("file://"):
        raise UserError(f"The stack's state cannot be read: {first_error(tried.stderr)}. {_ELSEWHERE}")
    done = []
    for attributes in _folder(url).rglob("*.json.attrs"):
        if not _is_json(attributes):
            attributes.unlink()
            done.append(f"Removed {attributes}, which was broken; the engine writes it again.")
    for state in _folder(url).rglob("*.json"):
        backup = state.with_suffix(".json.bak")
        if not _is_json(state) and backup.exists() and _is_json(backup):
            state.replace(state.with_suffix(".json.broken"))
            state.write_bytes(backup.read_bytes())
            done.append(f"Restored {state} from {backup.name}, which is one step older.")
    if not done:
        raise UserError(f"The stack's state cannot be read: {first_error(tried.stderr)}. {_ELSEWHERE}")
    return done


def unlock(pulumi: Pulumi, stack: str | None) -> None:
    """Remove the lock that a killed `up` has left, if there is one."""
    pulumi.run("cancel", "--yes", *([stack] if stack else []))


def adopt(pulumi: Pulumi, stack: str | None) -> list[tuple[Unfinished, bool]]:
    """Record the unfinished resources that exist, forget the other ones; returns which are recorded. Raises UserError.

    The engine has `pulumi refresh --import-pending-creates` for this, which (in 3.259) forgets the resources instead.
    So they are added to the state, and a refresh removes again what the cloud does not have.
    """
    exported = pulumi.read_json("stack", "export", *stack_option(stack))
    deployment = exported["deployment"]
    unfinished = list(find_unfinished(deployment))
    if not unfinished:
        return []
    ids = {one.urn: one.id for one in unfinished if one.id}
    for operation in deployment.pop("pending_operations"):
        resource = operation["resource"]
        if operation["type"] == "creating" and resource["urn"] in ids:
            resource |= {"id": ids[resource["urn"]], "outputs": resource.get("outputs") or resource["inputs"]}
            deployment["resources"].append(resource)
    pulumi.read("stack", "import", *stack_option(stack), value=json.dumps(exported))
    if ids:
        targets = [part for urn in ids for part in ("--target", urn)]
        pulumi.read("refresh", "--yes", "--skip-preview", *targets, *stack_option(stack))
    deployment = pulumi.read_json("stack", "export", *stack_option(stack))["deployment"]
    recorded = {resource["urn"] for resource in deployment.get("resources") or ()}
    return [(one, one.id is not None and one.urn in recorded) for one in unfinished]


def _folder(url: str) -> Path:
    path = url.removeprefix("file://").partition("?")[0]
    return Path(path).expanduser() / ".pulumi" / "stacks"


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
