"""The simulated AWS: handlers by resource type, provider functions, and the service behind each host name."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from sandbox.aws import (
    batch,
    codebuild,
    ecr,
    functions,
    iam,
    logs,
    network,
    pushes,
    quotas,
    s3,
    schedules,
    secretsmanager,
    sns,
    sts,
)
from sandbox.aws.calls import Call, Refused, Reply, json_error
from sandbox.aws.jobs import Jobs
from sandbox.calls import serve
from sandbox.cloud import Cloud, CloudError, Handler, Kernel, Resource

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_SUFFIX = ".amazonaws.com"
_SERVICES = frozenset({"batch", "codebuild", "lambda", "logs", "secretsmanager", "servicequotas", "sns", "sts"})


class AwsCloud(Cloud):
    """One AWS account, whose administrator runs `pulumi up`."""

    name: ClassVar[str] = "aws"
    package: ClassVar[str] = "aws"

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.account = ACCOUNT
        self.access = iam.Access(self)
        self.objects = s3.Objects(self)
        self.logs = logs.Logs(self)
        self.clock: schedules.Schedules = schedules.Schedules(self)
        self._jobs, self._builds = Jobs(self), codebuild.Builds(self)
        self._invocations = functions.Invocations(self)
        self.app = serve(self.faults.wrap(self.answer))

    @cached_property
    def handlers(self) -> dict[str, Handler]:  # type: ignore[override]
        """The handlers of every type that the AWS components register."""
        return {
            network.VPC: network.Vpc(self),
            network.GATEWAY: network.Gateway(self),
            network.TABLE: network.Table(self),
            network.ROUTE: network.Route(self),
            network.SUBNET: network.Subnet(self),
            network.ASSOCIATION: network.Association(self),
            network.GROUP: network.SecurityGroup(self),
            network.EGRESS: network.Egress(self),
            network.TEMPLATE: network.Template(self),
            iam.ROLE: iam.Role(self),
            iam.POLICY: iam.RolePolicy(self),
            iam.ATTACHMENT: iam.Attachment(self),
            iam.PROFILE: iam.Profile(self),
            s3.BUCKET: s3.Bucket(self),
            s3.OBJECT: s3.Object(self),
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": s3.OfBucket(self),
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": s3.OfBucket(self),
            secretsmanager.SECRET: secretsmanager.Secret(self),
            secretsmanager.VERSION: secretsmanager.Version(self),
            sns.TOPIC: sns.Topic(self),
            sns.SUBSCRIPTION: sns.Subscription(self),
            logs.GROUP: logs.LogGroup(self),
            ecr.REPOSITORY: ecr.Repository(self),
            "aws:ecr/lifecyclePolicy:LifecyclePolicy": ecr.LifecyclePolicy(self),
            codebuild.PROJECT: codebuild.Project(self),
            batch.ENVIRONMENT: batch.Environment(self),
            batch.QUEUE: batch.Queue(self),
            batch.DEFINITION: batch.Definition(self),
            functions.FUNCTION: functions.Function(self),
            functions.URL: functions.FunctionUrl(self),
            schedules.GROUP: schedules.ScheduleGroup(self),
            schedules.SCHEDULE: schedules.Schedule(self),
        }

    def region(self, resource: Resource) -> str:
        """Return a resource's own region, or else the provider's."""
        return str(resource.inputs.get("region") or self.config.get("region") or DEFAULT_REGION)

    def region_of(self, call: Call) -> str:
        """Return the region in a service's host name."""
        parts = call.host.removesuffix(_SUFFIX).split(".")
        return parts[-1] if len(parts) > 1 else DEFAULT_REGION

    def require(self, type_: str, id_: str) -> Resource:
        """Return a resource that must exist. Raises CloudError."""
        resource = self.get(type_, id_)
        if resource is None:
            raise CloudError(f"ResourceNotFoundException: there is no {type_.rsplit(':', 1)[-1]} {id_}")
        return resource

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:index/getCallerIdentity:getCallerIdentity":  # noqa: S105 - a function's name
            arn = f"arn:aws:iam::{self.account}:user/{iam.DEPLOYER}"
            return {"accountId": self.account, "arn": arn, "id": self.account, "userId": "AIDASANDBOX"}
        if token == "aws:index/getAvailabilityZones:getAvailabilityZones":  # noqa: S105
            region = args.get("region") or self.config.get("region") or DEFAULT_REGION
            names = [f"{region}{letter}" for letter in "abc"]
            return {"id": region, "names": names, "zoneIds": names, "groupNames": [region], "region": region}
        if token == "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings":  # noqa: S105
            kinds = next(condition["values"] for condition in args["filters"] if condition["name"] == "instance-type")
            offered = [kind for kind in kinds if kind in batch.MACHINES]
            locations = [args.get("region") or DEFAULT_REGION] * len(offered)
            return {"id": "offers", "instanceTypes": offered, "locations": locations, "locationTypes": []}
        if token == "aws:ecr/getAuthorizationToken:getAuthorizationToken":  # noqa: S105
            region = args.get("region") or self.config.get("region") or DEFAULT_REGION
            return pushes.authorization_token(self, region)
        raise CloudError(f"the sandbox has no {token}")

    def owns(self, host: str) -> bool:
        if functions.owns_url(host) or s3.owns(host) or host.startswith("api.ecr."):
            return True
        return host.endswith(_SUFFIX) and host.split(".")[0] in _SERVICES

    def answer(self, call: Call) -> Reply:
        """Answer a request to any of AWS's hosts."""
        if functions.owns_url(call.host):
            return self._invocations.serve_url(call)
        if s3.owns(call.host):
            return self.objects.serve(call)
        service = "ecr" if call.host.startswith("api.ecr.") else call.host.split(".")[0]
        action = call.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        try:
            match service:
                case "sts":
                    return sts.serve(self, call)
                case "sns":
                    return sns.serve(self, call)
                case "batch":
                    return self._jobs.serve(call)
                case "lambda":
                    return self._invocations.serve(call)
                case "logs":
                    return self.logs.serve(call, action)
                case "ecr":
                    return ecr.serve(self, call, action)
                case "codebuild":
                    return self._builds.serve(call, action)
                case "servicequotas":
                    return quotas.serve(self, call, action)
                case _:
                    return secretsmanager.serve(self, call, action)
        except Refused as refused:
            return json_error(refused)
