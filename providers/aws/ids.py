"""The ids of AWS's resources that their inputs determine, as pulumi-aws uses them.

AWS itself chooses the ids of the other types: those of networks, secrets, queues and job definitions.
"""

from __future__ import annotations

IDS = {
    "aws:batch/computeEnvironment:ComputeEnvironment": "{name}",
    "aws:cloudwatch/logGroup:LogGroup": "{name}",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "{repository}",
    "aws:ecr/repository:Repository": "{name}",
    "aws:iam/role:Role": "{name}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:lambda/function:Function": "{name}",
    "aws:lambda/functionUrl:FunctionUrl": "{functionName}",
    "aws:s3/bucket:Bucket": "{bucket}",
    "aws:scheduler/schedule:Schedule": "{groupName}/{name}",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "{name}",
}
"""Type -> the id of a resource, with its inputs in braces."""
