"""Everything that can carry tags says whose it is: project and stack, and what belongs to a node the node's name.

Without them nobody can tell from a bill what a line belongs to. TAGGED are the types of this program that take tags, by
the property they have them in; a test compares the table with the SDKs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.resource import UNKNOWN, Given, Resource

ALWAYS = ("project", "stack")
_AWS = (
    "batch:ComputeEnvironment batch:JobDefinition batch:JobQueue cloudwatch:LogGroup codebuild:Project "
    "ec2:InternetGateway ec2:LaunchTemplate ec2:RouteTable ec2:SecurityGroup ec2:Subnet ec2:Vpc ecr:Repository "
    "iam:InstanceProfile iam:Role lambda:Function s3:Bucket scheduler:ScheduleGroup secretsmanager:Secret "
    "vpc:SecurityGroupEgressRule"
)
_GCP = "artifactregistry:Repository cloudfunctionsv2:Function cloudrunv2:Job secretmanager:Secret storage:Bucket"
_AZURE = (
    "app:Job app:ManagedEnvironment applicationinsights:Component containerregistry:Registry keyvault:Secret "
    "keyvault:Vault managedidentity:UserAssignedIdentity operationalinsights:Workspace resources:ResourceGroup "
    "storage:StorageAccount web:AppServicePlan web:WebApp"
)
TAGGED: Mapping[str, str] = {
    **{f"aws:{kind}": "tags" for kind in _AWS.split()},
    **{f"gcp:{kind}": "labels" for kind in _GCP.split()},
    **{f"azure-native:{kind}": "tags" for kind in _AZURE.split()},
}


def tags_present(resource: Resource, given: Given) -> Iterator[str]:
    """The tags of one resource; `also` in the rule's configuration names more that everything must have."""
    where = TAGGED.get(resource.kind)
    if where is None:
        return
    tags = resource.at(where)
    if tags is UNKNOWN:
        return
    wanted = [*ALWAYS, *(["node"] if resource.inside("PredictionNode") else []), *given.config.get("also", [])]
    missing = [name for name in wanted if not (tags or {}).get(name)]
    if missing:
        yield f"{where} lack {', '.join(missing)}: nobody could tell from a bill what it belongs to."
