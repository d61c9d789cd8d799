"""The common behaviour of pulumi-aws resource types: ids, ARNs, tags, regions and dependencies."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.cloud import CloudError, Handler, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud


class AwsHandler(Handler):
    """A resource in one region. `service` and `arn` form its ARN; names are generated unless `named` is None."""

    service: ClassVar[str] = ""
    arn: ClassVar[str] = ""
    """The part of the ARN after the account; {id} and {name} stand for the id and the name, {path} for IAM's path."""
    named: ClassVar[str | None] = "name"
    limit: ClassVar[str] = ""
    """The pattern of names that AWS accepts."""
    prefix: ClassVar[str] = ""
    """The prefix of ids that AWS generates: vpc, subnet, ..."""
    regional: ClassVar[bool] = False
    """Whether each region may have a resource of the same name. The sandbox's id then contains the region."""
    worldwide: ClassVar[bool] = False
    """Whether the ARN has no region, as in IAM."""
    refers: ClassVar[dict[str, str]] = {}
    """Input -> type of the resource whose id it contains; that resource has to exist."""

    def __init__(self, cloud: AwsCloud) -> None:
        self.cloud = cloud
        self.autoname = self.named
        self.replace_on = frozenset({"region"})

    def create(self, resource: Resource) -> None:
        for key, type_ in self.refers.items():
            self.cloud.require(type_, resource.inputs[key])
        name = resource.inputs.get(self.named or "", "")
        if self.limit and not re.fullmatch(self.limit, name):
            raise CloudError(f'ValidationException: "{name}" cannot name a {resource.type}: expected {self.limit}')
        resource.id = f"{self.prefix}-0{secrets.token_hex(8)}" if self.prefix else str(name)
        if self.regional:
            resource.id = f"{self.cloud.region(resource)}:{name}"
        if self.cloud.get(resource.type, resource.id) is not None:
            raise CloudError(f"ResourceAlreadyExistsException: {resource.type} {resource.id} already exists")
        self.complete_outputs(resource)

    def locate(self, id_: str, inputs: dict[str, Any]) -> str:
        region = inputs.get("region")
        return f"{region}:{id_}" if self.regional and region and not id_.startswith(f"{region}:") else id_

    def update(self, _old: Resource, resource: Resource) -> None:
        self.complete_outputs(resource)

    def complete_outputs(self, resource: Resource) -> None:
        """Add the outputs that AWS and the provider compute, after create and update."""
        outputs = resource.outputs
        if not self.worldwide:
            outputs["region"] = self.cloud.region(resource)
        if self.service:
            where = "" if self.worldwide else outputs["region"]
            name = outputs.get(self.named or "")
            tail = self.arn.format(id=resource.id, name=name, path=resource.inputs.get("path", "/"))
            outputs["arn"] = f"arn:aws:{self.service}:{where}:{self.cloud.account}:{tail}"
        outputs["tagsAll"] = outputs.get("tags") or {}
        self.add_computed(resource)

    def add_computed(self, resource: Resource) -> None:
        """Add this type's outputs other than region, ARN and tags."""

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return {"tagsAll"} if old_inputs.get("tags") != inputs.get("tags") else set()

    def refuse_if_used(self, resource: Resource, *users: tuple[str, str]) -> None:
        """Refuse the deletion while another resource refers to this one's id.

        `users` are (type, output); the output may be a list of ids.
        """
        for type_, output in users:
            for other in self.cloud.resources(type_):
                value = other.outputs.get(output)
                if value == resource.id or (isinstance(value, list) and resource.id in value):
                    raise CloudError(
                        f"DependencyViolation: {resource.id} has dependencies and cannot be deleted ({other.id})"
                    )
