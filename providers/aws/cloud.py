"""AWS as a `providers.cloud.Cloud`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from providers import cloud
from providers.aws import limits
from providers.aws.prices import PRICES
from providers.cloud import CronForm, NumeraiCli

if TYPE_CHECKING:
    from nodefile import Node
    from providers.component import PredictionNode, Stack
    from providers.findings import Finding, Place
    from providers.operations import Account, Configured
    from providers.permissions import Table


class Aws(cloud.Cloud):
    """AWS."""

    name = "aws"
    title = "AWS"
    package = "aws"
    sign_in = "aws configure  (or aws sso login)"
    state_scheme = "s3"
    secrets_scheme = "awskms"
    workflow_login: ClassVar[Mapping[str, str]] = {"LOGIN_AWS_ROLE": "AWS_{}_ROLE"}
    remarks = limits.REMARKS
    numerai_cli = NumeraiCli(
        region="us-east-1",
        size="mem-md",
        cron=CronForm.EVENTBRIDGE,
        change="aws: jobs run on Fargate, with 20 GiB of disk, instead of EC2 machines; credentials and region are "
        "those of pulumi-aws (profile, SSO, environment), and any `region` is possible",
        repository=re.compile(r"[0-9]+\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\."),
        included_disk=limits.FREE_DISK,
    )
    prices = PRICES

    def fit(self, node: Node) -> limits.Fit:
        return limits.fit(node)

    def check(self, node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        return limits.check(node, project, stack)

    def register(self, region: str, nodes: Sequence[Node], stack: Stack) -> Sequence[PredictionNode]:
        from providers.aws.cluster import Cluster
        from providers.aws.node import PredictionNode

        cluster = Cluster(region, nodes, stack)
        return [PredictionNode(node, cluster, stack) for node in nodes]

    def open_account(self, configured: Configured, region: str) -> Account:
        from providers.aws import operations

        return operations.Account(configured, region)

    def examine(self, place: Place) -> Iterable[Finding]:
        from providers.aws import doctor

        return doctor.examine(place)

    def permissions(self) -> Table:
        from providers.aws import permissions

        return permissions.TABLE

    def permission_files(self) -> Iterator[tuple[str, str]]:
        from providers.aws import permissions

        return permissions.list_files()


CLOUD = Aws()
