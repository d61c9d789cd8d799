"""Service Quotas and Lambda's account settings in the sandbox, read with boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.cloud import Aws

NOTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}'
FARGATE = {"ServiceCode": "fargate", "QuotaCode": "L-3032A538"}


def test_a_quota_is_the_account_s_own_or_aws_s_default(aws: Aws) -> None:
    client = aws.client("service-quotas")
    assert client.get_service_quota(**FARGATE)["Quota"]["Value"] == 140
    assert client.get_aws_default_service_quota(**FARGATE)["Quota"]["Value"] == 6
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")
    (builds,) = client.list_service_quotas(ServiceCode="codebuild")["Quotas"]
    assert builds["QuotaName"] == "Concurrently running builds for Linux/Small environment"


def test_a_job_s_role_reads_no_quotas_and_nothing_is_raised(aws: Aws) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("service-quotas", aws.role("job", "ecs-tasks.amazonaws.com", NOTHING)).get_service_quota(**FARGATE)
    with pytest.raises(ClientError, match="UnknownOperation"):
        aws.client("service-quotas").request_service_quota_increase(**FARGATE, DesiredValue=9)


def test_lambda_tells_how_many_calls_may_run(aws: Aws) -> None:
    assert aws.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
