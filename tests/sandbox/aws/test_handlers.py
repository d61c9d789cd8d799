"""Resource types: names, computed outputs, refused deletions, and the effects of changes."""

from __future__ import annotations

import pytest

from sandbox.aws import ecr, logs, network, secretsmanager
from sandbox.cloud import CloudError
from tests.sandbox.aws.cloud import Aws


def test_a_deleted_secret_keeps_its_name_while_it_can_be_recovered(aws: Aws) -> None:
    kept = aws.make(secretsmanager.SECRET, "k", name="kept")
    aws.remove(kept)
    with pytest.raises(CloudError, match="scheduled for deletion"):
        aws.make(secretsmanager.SECRET, "k", name="kept")
    at_once = aws.make(secretsmanager.SECRET, "a", name="free", recoveryWindowInDays=0)
    aws.remove(at_once)
    assert aws.make(secretsmanager.SECRET, "a", name="free", recoveryWindowInDays=0)["arn"] != at_once["arn"]


def test_a_secret_is_read_by_who_may(aws: Aws) -> None:
    secret = aws.make(secretsmanager.SECRET, "k")
    aws.make(secretsmanager.VERSION, "k", secretId=secret.id, secretString="one")
    aws.make(secretsmanager.VERSION, "k", secretId=secret.id, secretString="two")
    assert aws.client("secretsmanager").get_secret_value(SecretId=secret["arn"])["SecretString"] == "two"
    role = aws.role("r", "lambda.amazonaws.com", '{"Statement":[]}')
    client = aws.client("secretsmanager", role)
    with pytest.raises(client.exceptions.ClientError, match="not authorized"):
        client.get_secret_value(SecretId=secret["arn"])


@pytest.mark.parametrize("name", ["Upper/a", "a--b/c", "a/", "a"])
def test_names_that_a_repository_cannot_have(aws: Aws, name: str) -> None:
    with pytest.raises(CloudError, match="cannot name"):
        aws.make(ecr.REPOSITORY, "a", name=name)


def test_a_repository_with_images_goes_only_when_it_was_made_so(aws: Aws) -> None:
    repository = aws.repository(forceDelete=False)
    images = aws.cloud.kernel.images
    aws.cloud.kernel.store.put("images", f"{repository['repositoryUrl']}@sha256:1", {"tags": ["t"]})
    with pytest.raises(CloudError, match="RepositoryNotEmptyException"):
        aws.remove(repository)
    found = aws.client("ecr").describe_images(repositoryName=repository["name"], imageIds=[{"imageTag": "t"}])
    assert found["imageDetails"][0]["imageDigest"] == "sha256:1"
    aws.remove(aws.change(repository, forceDelete=True))
    assert images.tags(repository["repositoryUrl"]) == {}


def test_days_that_logs_cannot_be_kept(aws: Aws) -> None:
    assert list(aws.cloud.handlers[logs.GROUP].check({"retentionInDays": 31}))
    assert not list(aws.cloud.handlers[logs.GROUP].check({"retentionInDays": 30}))


def test_a_group_that_is_there_is_not_made_again(aws: Aws) -> None:
    aws.make(logs.GROUP, "a", name="/one")
    with pytest.raises(CloudError, match="ResourceAlreadyExistsException"):
        aws.make(logs.GROUP, "b", name="/one")


def test_subnets_lie_in_their_network_and_beside_each_other(aws: Aws) -> None:
    subnet = aws.subnet()
    with pytest.raises(CloudError, match=r"InvalidSubnet\.Conflict"):
        aws.make(network.SUBNET, "b", vpcId=subnet["vpcId"], cidrBlock="10.0.0.128/25")
    with pytest.raises(CloudError, match=r"InvalidSubnet\.Range"):
        aws.make(network.SUBNET, "c", vpcId=subnet["vpcId"], cidrBlock="10.1.0.0/24")
    (vpc,) = aws.cloud.resources(network.VPC)
    with pytest.raises(CloudError, match="DependencyViolation"):
        aws.remove(vpc)


def test_a_group_of_rules_may_not_be_called_like_an_id(aws: Aws) -> None:
    assert list(aws.cloud.handlers[network.GROUP].check({"name": "sg-jobs"}))


def test_every_change_of_a_launch_template_is_a_version(aws: Aws) -> None:
    template = aws.make(network.TEMPLATE, "t")
    assert template["latestVersion"] == 1
    assert aws.change(template, imageId="ami-1")["latestVersion"] == 2


def test_what_refers_to_something_that_is_not_there(aws: Aws) -> None:
    with pytest.raises(CloudError, match="ResourceNotFoundException"):
        aws.make(network.GATEWAY, "g", vpcId="vpc-none")


def test_regions_and_arns(aws: Aws) -> None:
    here, there = aws.make(logs.GROUP, "a"), aws.make(logs.GROUP, "b", region="eu-west-1")
    assert (here["region"], there["region"]) == ("us-east-1", "eu-west-1")
    assert there["arn"] == f"arn:aws:logs:eu-west-1:123456789012:log-group:{there.id}"


@pytest.mark.parametrize(
    ("host", "owned"),
    [
        ("batch.us-east-1.amazonaws.com", True),
        ("api.ecr.eu-west-1.amazonaws.com", True),
        ("b.s3.us-east-1.amazonaws.com", True),
        ("b.s3.amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", True),
        ("abc.lambda-url.us-east-1.on.aws", True),
        ("numerai-datasets-us-west-2.s3.amazonaws.com.evil.com", False),
        ("sqs.us-east-1.amazonaws.com", False),
        ("management.azure.com", False),
    ],
)
def test_hosts(aws: Aws, host: str, owned: bool) -> None:
    assert aws.cloud.owns(host) is owned
