"""Requires tags on every resource that supports them: project and stack, and for a node's resources the node's name.

Without tags, a bill does not show which costs belong together. TAGGED maps the types of this program that support tags
to the property with the tags; a test compares the table with the SDKs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.resource import UNKNOWN, Context, Resource

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


def tags_present(resource: Resource, context: Context) -> Iterator[str]:
    """Check the tags of a resource. The setting `also` names additional required tags."""
    property_ = TAGGED.get(resource.kind)
    if property_ is None:
        return
    tags = resource.get(property_)
    if tags is UNKNOWN:
        return
    required = [*ALWAYS, *(["node"] if resource.is_inside("PredictionNode") else []), *context.config.get("also", [])]
    missing = [name for name in required if not (tags or {}).get(name)]
    if missing:
        yield f"{property_} lack {', '.join(missing)}: add them, so that bills show what the resource belongs to."
