"""ECR accepts a push from outside only with a password that it issued to a principal that may push."""

from __future__ import annotations

import base64
import json

import pytest

from sandbox.aws import ecr
from sandbox.aws.pushes import ACTIONS, Pushes
from sandbox.calls import Refused
from sandbox.cloud import Resource
from tests.sandbox.aws.cloud import Aws

POLICY = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


def password_of(aws: Aws, region: str = "us-east-1", role: Resource | None = None) -> str:
    data = aws.client("ecr", role, region).get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    return password


def test_the_providers_function_gives_a_password_that_is_taken(aws: Aws) -> None:
    token = aws.cloud.invoke("aws:ecr/getAuthorizationToken:getAuthorizationToken", {"region": "us-east-1"})
    repository = aws.repository()["repositoryUrl"]
    assert Pushes(aws.cloud).serves(repository.split("/")[0])
    assert token["proxyEndpoint"] == f"https://{repository.split('/')[0]}"
    Pushes(aws.cloud).admit(repository, token["userName"], token["password"])


@pytest.mark.parametrize(("user", "password"), [("AWS", "wrong"), ("AWS", ""), ("aws", None)])
def test_a_wrong_login_is_refused(aws: Aws, user: str, password: str | None) -> None:
    secret = password_of(aws) if password is None else password
    with pytest.raises(Refused, match="authentication required") as refused:
        Pushes(aws.cloud).admit(aws.repository()["repositoryUrl"], user, secret)
    assert refused.value.status == 401


def test_a_password_is_for_one_region_and_twelve_hours(aws: Aws) -> None:
    repository = aws.repository()["repositoryUrl"]
    with pytest.raises(Refused, match="authentication required"):
        Pushes(aws.cloud).admit(repository, "AWS", password_of(aws, "eu-west-1"))
    password, store = password_of(aws), aws.cloud.kernel.store
    login = store.get(ecr.PASSWORDS, password)
    assert login is not None
    store.put(ecr.PASSWORDS, password, login | {"until": 0})
    with pytest.raises(Refused, match="authorization token has expired"):
        Pushes(aws.cloud).admit(repository, "AWS", password)


def test_the_passwords_owner_must_have_the_rights(aws: Aws) -> None:
    repository = aws.repository()
    push = {"Effect": "Allow", "Action": list(ACTIONS), "Resource": repository["arn"]}
    may = aws.role("may", "codebuild.amazonaws.com", json.dumps({"Version": "2012-10-17", "Statement": [POLICY, push]}))
    may_not = aws.role("not", "codebuild.amazonaws.com", json.dumps({"Version": "2012-10-17", "Statement": [POLICY]}))
    Pushes(aws.cloud).admit(repository["repositoryUrl"], "AWS", password_of(aws, role=may))
    with pytest.raises(Refused, match="is not authorized to perform: ecr:"):
        Pushes(aws.cloud).admit(repository["repositoryUrl"], "AWS", password_of(aws, role=may_not))


def test_a_repository_must_be_there(aws: Aws) -> None:
    nowhere = aws.repository()["repositoryUrl"].replace("alpha", "beta")
    with pytest.raises(Refused, match="'stack/beta' does not exist"):
        Pushes(aws.cloud).admit(nowhere, "AWS", password_of(aws))
