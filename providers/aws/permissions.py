"""The actions that each resource type needs on AWS, and the resources and conditions to which they are limited.

These are the actions that the provider calls (terraform-provider-aws; sources are files of its internal/service
folder). A test checks them against the Service Authorization Reference. `prediction-nodes` in the scopes is the
project's name in Pulumi.yaml. The names of roles, functions and repositories contain it; resources without such a name
are identified by their tag.

The policies are `preview`, `drift`, and `up`, which adds to `drift`: a managed policy may have at most 6,144
characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from providers.permissions import Row, Table, Way, list_actions, write_json

PROJECT = "prediction-nodes"

TABLE: Table = {
    "aws:batch/computeEnvironment:ComputeEnvironment": Row(
        "batch/compute_environment.go",
        read="batch:DescribeComputeEnvironments batch:ListTagsForResource",
        create="batch:CreateComputeEnvironment batch:TagResource iam:CreateServiceLinkedRole iam:PassRole",
        update="batch:UpdateComputeEnvironment batch:UntagResource ec2:DescribeLaunchTemplateVersions",
        delete="batch:DeleteComputeEnvironment",
    ),
    "aws:batch/jobDefinition:JobDefinition": Row(
        "batch/job_definition.go",
        read="batch:DescribeJobDefinitions batch:ListTagsForResource",
        create="batch:RegisterJobDefinition batch:TagResource iam:PassRole",
        update="batch:UntagResource",
        delete="batch:DeregisterJobDefinition",
    ),
    "aws:batch/jobQueue:JobQueue": Row(
        "batch/job_queue.go",
        read="batch:DescribeJobQueues batch:ListTagsForResource",
        create="batch:CreateJobQueue batch:TagResource",
        update="batch:UpdateJobQueue batch:UntagResource",
        delete="batch:DeleteJobQueue",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Row(
        "logs/group.go",
        read="logs:DescribeLogGroups logs:ListTagsForResource",
        create="logs:CreateLogGroup logs:PutRetentionPolicy logs:TagResource",
        update="logs:UntagResource",
        delete="logs:DeleteLogGroup",
    ),
    "aws:codebuild/project:Project": Row(
        "codebuild/project.go",
        read="codebuild:BatchGetProjects",
        create="codebuild:CreateProject iam:PassRole",
        update="codebuild:UpdateProject",
        delete="codebuild:DeleteProject",
    ),
    "aws:ec2/internetGateway:InternetGateway": Row(
        "ec2/vpc_internet_gateway.go",
        read="ec2:DescribeInternetGateways",
        create="ec2:CreateInternetGateway ec2:AttachInternetGateway ec2:CreateTags",
        update="ec2:DeleteTags",
        delete="ec2:DetachInternetGateway ec2:DeleteInternetGateway",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Row(
        "ec2/ec2_launch_template.go",
        read="ec2:DescribeLaunchTemplates ec2:DescribeLaunchTemplateVersions",
        create="ec2:CreateLaunchTemplate ec2:CreateTags",
        update="ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate ec2:DeleteTags",
        delete="ec2:DeleteLaunchTemplate",
    ),
    "aws:ec2/routeTable:RouteTable": Row(
        "ec2/vpc_route_table.go",
        read="ec2:DescribeRouteTables",
        create="ec2:CreateRouteTable ec2:CreateRoute ec2:CreateTags",
        update="ec2:ReplaceRoute ec2:DeleteRoute ec2:DeleteTags",
        delete="ec2:DisassociateRouteTable ec2:DeleteRouteTable",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Row(
        "ec2/vpc_route_table_association.go",
        read="ec2:DescribeRouteTables",
        create="ec2:AssociateRouteTable",
        update="ec2:ReplaceRouteTableAssociation",
        delete="ec2:DisassociateRouteTable",
    ),
    "aws:ec2/securityGroup:SecurityGroup": Row(
        "ec2/vpc_security_group.go",
        read="ec2:DescribeSecurityGroups",
        # A new group allows all outgoing traffic. The provider removes that rule, and the program adds its own.
        create="ec2:CreateSecurityGroup ec2:RevokeSecurityGroupEgress ec2:CreateTags",
        update="ec2:DeleteTags",
        delete="ec2:DescribeNetworkInterfaces ec2:DeleteSecurityGroup",
    ),
    "aws:ec2/subnet:Subnet": Row(
        "ec2/vpc_subnet.go",
        read="ec2:DescribeSubnets",
        create="ec2:CreateSubnet ec2:ModifySubnetAttribute ec2:CreateTags",
        update="ec2:DeleteTags",
        delete="ec2:DescribeNetworkInterfaces ec2:DeleteSubnet",
    ),
    "aws:ec2/vpc:Vpc": Row(
        "ec2/vpc_.go",
        read=(
            "ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeNetworkAcls ec2:DescribeRouteTables "
            "ec2:DescribeSecurityGroups"
        ),
        create="ec2:CreateVpc ec2:ModifyVpcAttribute ec2:CreateTags",
        update="ec2:DeleteTags",
        delete="ec2:DeleteVpc",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Row(
        "ec2/vpc_security_group_egress_rule.go",
        read="ec2:DescribeSecurityGroupRules",
        create="ec2:AuthorizeSecurityGroupEgress ec2:CreateTags",
        update="ec2:ModifySecurityGroupRules ec2:DeleteTags",
        delete="ec2:RevokeSecurityGroupEgress",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Row(
        "ecr/lifecycle_policy.go",
        read="ecr:GetLifecyclePolicy",
        create="ecr:PutLifecyclePolicy",
        delete="ecr:DeleteLifecyclePolicy",
    ),
    "aws:ecr/repository:Repository": Row(
        "ecr/repository.go",
        read="ecr:DescribeRepositories ecr:ListTagsForResource",
        create="ecr:CreateRepository ecr:TagResource",
        update="ecr:PutImageScanningConfiguration ecr:PutImageTagMutability ecr:UntagResource",
        delete="ecr:DeleteRepository ecr:BatchDeleteImage",
    ),
    "aws:iam/instanceProfile:InstanceProfile": Row(
        "iam/instance_profile.go",
        read="iam:GetInstanceProfile",
        create="iam:CreateInstanceProfile iam:AddRoleToInstanceProfile iam:TagInstanceProfile iam:PassRole",
        update="iam:UntagInstanceProfile",
        delete="iam:RemoveRoleFromInstanceProfile iam:DeleteInstanceProfile",
    ),
    "aws:iam/role:Role": Row(
        "iam/role.go",
        read="iam:GetRole iam:ListRolePolicies iam:GetRolePolicy iam:ListAttachedRolePolicies",
        create="iam:CreateRole iam:TagRole",
        update="iam:UpdateAssumeRolePolicy iam:UpdateRole iam:UpdateRoleDescription iam:UntagRole",
        delete="iam:ListInstanceProfilesForRole iam:DeleteRole",
    ),
    "aws:iam/rolePolicy:RolePolicy": Row(
        "iam/role_policy.go", read="iam:GetRolePolicy", create="iam:PutRolePolicy", delete="iam:DeleteRolePolicy"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Row(
        "iam/role_policy_attachment.go",
        read="iam:ListAttachedRolePolicies",
        create="iam:AttachRolePolicy",
        delete="iam:DetachRolePolicy",
    ),
    "aws:lambda/function:Function": Row(
        "lambda/function.go",
        # GetFunctionConfiguration is what the provider calls while it waits for a change.
        read=(
            "lambda:GetFunction lambda:GetFunctionConfiguration lambda:GetFunctionCodeSigningConfig "
            "lambda:ListVersionsByFunction lambda:ListTags"
        ),
        create="lambda:CreateFunction lambda:TagResource iam:PassRole",
        update="lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:UntagResource",
        delete="lambda:DeleteFunction",
    ),
    "aws:lambda/functionUrl:FunctionUrl": Row(
        "lambda/function_url.go",
        read="lambda:GetFunctionUrlConfig lambda:GetPolicy",
        # AddPermission is for the two statements that make the URL public.
        create="lambda:CreateFunctionUrlConfig lambda:AddPermission",
        update="lambda:UpdateFunctionUrlConfig lambda:RemovePermission",
        delete="lambda:DeleteFunctionUrlConfig",
    ),
    "aws:s3/bucket:Bucket": Row(
        "s3/bucket.go",
        read=(
            "s3:ListBucket s3:GetBucketLocation s3:GetBucketAcl s3:GetBucketCORS s3:GetBucketLogging "
            "s3:GetBucketObjectLockConfiguration s3:GetBucketPolicy s3:GetBucketRequestPayment s3:GetBucketTagging "
            "s3:GetBucketVersioning s3:GetBucketWebsite s3:GetAccelerateConfiguration s3:GetEncryptionConfiguration "
            "s3:GetLifecycleConfiguration s3:GetReplicationConfiguration s3:ListTagsForResource"
        ),
        create="s3:CreateBucket s3:PutBucketTagging s3:TagResource",
        update="s3:UntagResource",
        delete="s3:ListBucketVersions s3:DeleteObject s3:DeleteObjectVersion s3:DeleteBucket",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Row(
        "s3/bucket_lifecycle_configuration.go",
        read="s3:GetLifecycleConfiguration",
        create="s3:PutLifecycleConfiguration",
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Row(
        "s3/object.go",
        read="s3:GetObject s3:GetObjectTagging",
        create="s3:PutObject",
        delete="s3:DeleteObject",
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Row(
        "s3/bucket_public_access_block.go",
        read="s3:GetBucketPublicAccessBlock",
        create="s3:PutBucketPublicAccessBlock",
    ),
    "aws:scheduler/schedule:Schedule": Row(
        "scheduler/schedule.go",
        read="scheduler:GetSchedule",
        create="scheduler:CreateSchedule iam:PassRole",
        update="scheduler:UpdateSchedule",
        delete="scheduler:DeleteSchedule",
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": Row(
        "scheduler/schedule_group.go",
        read="scheduler:GetScheduleGroup scheduler:ListTagsForResource",
        create="scheduler:CreateScheduleGroup scheduler:TagResource",
        update="scheduler:UntagResource",
        delete="scheduler:DeleteScheduleGroup scheduler:DeleteSchedule",
    ),
    "aws:secretsmanager/secret:Secret": Row(
        "secretsmanager/secret.go",
        read="secretsmanager:DescribeSecret secretsmanager:GetResourcePolicy",
        create="secretsmanager:CreateSecret secretsmanager:TagResource",
        update="secretsmanager:UpdateSecret secretsmanager:UntagResource",
        delete="secretsmanager:DeleteSecret",
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Row(
        "secretsmanager/secret_version.go",
        # The provider reads the value: an identity that checks for drift can see the keys.
        read="secretsmanager:GetSecretValue",
        create="secretsmanager:PutSecretValue",
        update="secretsmanager:UpdateSecretVersionStage secretsmanager:ListSecretVersionIds",
    ),
    "aws:sns/topic:Topic": Row(
        "sns/topic.go",
        read="sns:GetTopicAttributes sns:ListTagsForResource",
        create="sns:CreateTopic sns:TagResource",
        update="sns:SetTopicAttributes sns:UntagResource",
        delete="sns:DeleteTopic",
    ),
    "aws:sns/topicSubscription:TopicSubscription": Row(
        "sns/topic_subscription.go",
        read="sns:GetSubscriptionAttributes sns:ListSubscriptionsByTopic",
        create="sns:Subscribe",
        update="sns:SetSubscriptionAttributes",
        delete="sns:Unsubscribe",
    ),
    # Look-ups of the program, and of the provider at its start.
    "aws:index/getCallerIdentity:getCallerIdentity": Row("sts/caller_identity.go", look_up="sts:GetCallerIdentity"),
    "aws:index/getAvailabilityZones:getAvailabilityZones": Row(
        "ec2/ec2_availability_zones_data_source.go", look_up="ec2:DescribeAvailabilityZones"
    ),
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": Row(
        "ec2/ec2_instance_type_offerings_data_source.go", look_up="ec2:DescribeInstanceTypeOfferings"
    ),
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": Row(
        "ecr/authorization_token_data_source.go", create="ecr:GetAuthorizationToken"
    ),
    # Images, built by CodeBuild or on the user's machine.
    "pulumi-python:dynamic/prediction-nodes:ImageBuild": Row(
        "providers/aws/image.py",
        create=(
            "ecr:DescribeImages codebuild:ListBuildsForProject codebuild:BatchGetBuilds codebuild:StartBuild "
            "codebuild:StopBuild s3:PutObject s3:AbortMultipartUpload logs:GetLogEvents"
        ),
    ),
    "docker-build:index:Image": Row(
        "docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html",
        create=(
            "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:InitiateLayerUpload "
            "ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"
        ),
    ),
    # `pnodes`
    "pnodes status": Row("providers/aws/operations.py", read="batch:ListJobs batch:DescribeJobs"),
    "pnodes logs": Row("providers/aws/operations.py", read="batch:DescribeJobs logs:GetLogEvents logs:FilterLogEvents"),
    "pnodes doctor": Row(
        "providers/aws/doctor.py",
        read=(
            "lambda:GetAccountSettings servicequotas:GetServiceQuota servicequotas:GetAWSDefaultServiceQuota "
            "servicequotas:ListServiceQuotas servicequotas:ListAWSDefaultServiceQuotas"
        ),
        look_up="sts:GetCallerIdentity",
    ),
    "pnodes stop": Row("providers/aws/operations.py", create="batch:TerminateJob"),
}


def _arn(rest: str) -> str:
    return f"arn:aws:{rest}"


_ROLES = _arn(f"iam::*:role/{PROJECT}-*/*")
_PROFILES = _arn(f"iam::*:instance-profile/{PROJECT}-*/*")
_BUCKETS = _arn("s3:::aws-*")
_GROUPS = [_arn("logs:*:*:log-group:aws-*")]
_SECRET_NAMES = ("numerai-keys", "node-secrets", "aws-*-alerts")
_SECRETS = [_arn(f"secretsmanager:*:*:secret:{name}-*") for name in _SECRET_NAMES]
_SERVICES = [f"{name}.amazonaws.com" for name in ("batch", "codebuild", "ec2", "ecs-tasks", "lambda", "scheduler")]
_TAGGED = {"StringEquals": {"aws:ResourceTag/project": PROJECT}}
_AT_CREATION = {"StringLike": {"ec2:CreateAction": ["Create*", "AuthorizeSecurityGroupEgress"]}}
# The policies that `aws` of nodes.yaml may name: the deploying identity cannot create any, and AWS's own have other
# names.
_POLICIES = _arn(f"iam::*:policy/{PROJECT}-*")
_AGENT = "service-role/AmazonEC2ContainerServiceforEC2Role"

Scope = tuple[str, list[str], dict[str, Any] | None]
# Action pattern, resources, condition. All lines with the first matching pattern apply.
SCOPES: tuple[Scope, ...] = (
    ("iam:PassRole", [_ROLES], {"StringEquals": {"iam:PassedToService": _SERVICES}}),
    (
        "iam:CreateServiceLinkedRole",
        [_arn("iam::*:role/aws-service-role/*")],
        {"StringLike": {"iam:AWSServiceName": ["batch.amazonaws.com", "ecs.amazonaws.com"]}},
    ),
    ("iam:AttachRolePolicy", [_ROLES], {"ArnLike": {"iam:PolicyARN": [_arn(f"iam::aws:policy/{_AGENT}"), _POLICIES]}}),
    ("iam:*InstanceProfile", [_PROFILES], None),
    ("iam:ListInstanceProfilesForRole", [_ROLES], None),
    ("iam:*", [_ROLES], None),
    # A network's resources have no names: creating is allowed, and changing or deleting those with the project's tag.
    ("ec2:Describe*", ["*"], None),
    ("ec2:CreateTags", [_arn("ec2:*:*:*/*")], _AT_CREATION),
    ("ec2:CreateTags", [_arn("ec2:*:*:*/*")], _TAGGED),
    *((action, ["*"], None) for action in ("ec2:CreateVpc", "ec2:CreateInternetGateway", "ec2:CreateLaunchTemplate")),
    *((action, ["*"], None) for action in ("ec2:CreateSubnet", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup")),
    # A new rule has no tag yet.
    ("ec2:AuthorizeSecurityGroupEgress", ["*"], None),
    ("ec2:*", ["*"], _TAGGED),
    ("s3:GetBucketObjectLockConfiguration", [_BUCKETS], None),
    ("s3:*Object*", [f"{_BUCKETS}/*"], None),
    ("s3:AbortMultipartUpload", [f"{_BUCKETS}/*"], None),
    ("s3:*", [_BUCKETS], None),
    ("secretsmanager:*", _SECRETS, None),
    ("logs:DescribeLogGroups", ["*"], None),
    ("logs:*", _GROUPS, None),
    ("ecr:GetAuthorizationToken", ["*"], None),
    ("ecr:*", [_arn(f"ecr:*:*:repository/{PROJECT}-*/*")], None),
    ("lambda:GetAccountSettings", ["*"], None),
    # Actions that list quotas cannot be limited to a resource.
    ("servicequotas:*", ["*"], None),
    ("lambda:*", [_arn(f"lambda:*:*:function:{PROJECT}-*")], None),
    ("codebuild:*", [_arn("codebuild:*:*:project/aws-*")], None),
    ("scheduler:*Schedule", [_arn("scheduler:*:*:schedule/aws-*-schedules-*/*")], None),
    ("scheduler:*", [_arn("scheduler:*:*:schedule-group/aws-*-schedules-*")], None),
    ("batch:Describe*", ["*"], None),
    ("batch:ListJobs", ["*"], None),
    ("batch:*JobDefinition", [_arn("batch:*:*:job-definition/*")], None),
    ("batch:TerminateJob", [_arn("batch:*:*:job/*")], None),
    ("batch:*", [_arn(f"batch:*:*:{kind}/*") for kind in ("compute-environment", "job-queue", "job-definition")], None),
    # The ARN of a subscription begins with its topic's.
    ("sns:*", [_arn("sns:*:*:aws-*-alerts-*")], None),
    ("sts:GetCallerIdentity", ["*"], None),
)


def find_scopes(action: str) -> list[tuple[list[str], dict[str, Any] | None]]:
    """Return the resources on which an action is allowed, with the condition. Raises LookupError."""
    first = next((pattern for pattern, _, _ in SCOPES if fnmatchcase(action, pattern)), None)
    if first is None:
        raise LookupError(f"{action} has no scope: add one to SCOPES in providers/aws/permissions.py")
    return [(resources, condition) for pattern, resources, condition in SCOPES if pattern == first]


def list_policy_actions(way: Way) -> list[str]:
    """Return the actions in the policy of a way of running. The policy of `up` adds to that of `drift`."""
    included = list_actions(TABLE, Way.DRIFT) if way is Way.UP else []
    return [action for action in list_actions(TABLE, way) if action not in included]


def build_policy(way: Way) -> dict[str, Any]:
    """Return the policy document of a way of running."""
    grouped: dict[str, list[str]] = {}
    for action in list_policy_actions(way):
        for scope in find_scopes(action):
            grouped.setdefault(json.dumps(scope, sort_keys=True), []).append(action)
    statements = []
    for key, allowed in grouped.items():
        resources, condition = json.loads(key)
        statement = {"Effect": "Allow", "Action": allowed, "Resource": resources}
        statements.append(statement | ({"Condition": condition} if condition else {}))
    return {"Version": "2012-10-17", "Statement": statements}


def list_files() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of each policy document in docs/permissions."""
    for way in Way:
        yield f"aws-{way}.json", write_json(build_policy(way))
