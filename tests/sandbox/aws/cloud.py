"""A simulated AWS in which tests create resources without the engine."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

from sandbox.aws import ecr, iam, logs, network, s3
from sandbox.aws.cloud import AwsCloud
from sandbox.cloud import Resource
from tests.sandbox.networked import Account


def trust(service: str, condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Statement": [statement | ({"Condition": condition} if condition else {})]})


class Aws(Account[AwsCloud]):
    """`cloud` is the simulated cloud; `make` creates a resource as the plugin would; `client` uses boto3."""

    def make(self, type_: str, logical: str, /, **inputs: Any) -> Resource:
        failures = list(self.cloud.handlers[type_].check(inputs))
        assert not failures, failures
        return super().make(type_, logical, **inputs)

    def role(self, name: str, service: str, policy: str, condition: dict[str, Any] | None = None) -> Resource:
        role = self.make(iam.ROLE, name, assumeRolePolicy=trust(service, condition))
        self.make(iam.POLICY, name, role=role.id, policy=policy)
        return role

    def policy(self, role: Resource) -> Resource:
        policy = self.cloud.find(iam.POLICY, role=role.id)
        assert policy is not None
        return policy

    def client(self, service: str, role: Resource | None = None, region: str = "us-east-1", **options: Any) -> Any:
        """Return a client with the deployer's credentials, or with those of a session of a role."""
        keys = self.cloud.access.session(role["arn"], "test") if role else {"AWS_ACCESS_KEY_ID": iam.DEPLOYER_KEY}
        return boto3.client(
            service,
            region_name=region,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY", "sandbox"),
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            verify=str(self.network.ca_file),
            config=Config(proxies={"https": self.network.proxy("test")}, retries={"total_max_attempts": 1}, **options),
        )

    def bucket(self) -> Resource:
        return self.make(s3.BUCKET, "bucket", forceDestroy=True)

    def repository(self, name: str = "stack/alpha", **inputs: Any) -> Resource:
        inputs = {"imageTagMutability": "IMMUTABLE", "forceDelete": True} | inputs
        return self.make(ecr.REPOSITORY, "alpha", name=name, **inputs)

    def group(self, name: str) -> Resource:
        return self.make(logs.GROUP, name, retentionInDays=30)

    def subnet(self) -> Resource:
        """Create a public subnet in its own network."""
        vpc = self.make(network.VPC, "vpc", cidrBlock="10.0.0.0/16")
        gateway = self.make(network.GATEWAY, "gateway", vpcId=vpc.id)
        table = self.make(network.TABLE, "table", vpcId=vpc.id)
        self.make(network.ROUTE, "route", routeTableId=table.id, gatewayId=gateway.id)
        subnet = self.make(network.SUBNET, "subnet", vpcId=vpc.id, cidrBlock="10.0.0.0/24")
        self.make(network.ASSOCIATION, "join", subnetId=subnet.id, routeTableId=table.id)
        return subnet
