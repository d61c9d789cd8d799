"""AWS as a `providers.cloud.Cloud`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from providers.aws import limits
from providers.aws.prices import PRICES
from providers.cloud import Cloud, CronForm, Modules, NumeraiCli

if TYPE_CHECKING:
    from providers.aws import cluster, doctor, ids, node, operations, permissions

    Modules(
        cluster.Cluster,
        node.PredictionNode,
        operations.Account,
        doctor.examine,
        permissions.TABLE,
        permissions.list_files,
        ids.IDS,
    )

CLOUD = Cloud(
    name="aws",
    title="AWS",
    package="aws",
    sign_in="aws configure  (or aws sso login)",
    state_scheme="s3",
    secrets_scheme="awskms",
    workflow_login={"LOGIN_AWS_ROLE": "AWS_{}_ROLE"},
    fit=limits.fit,
    check=limits.check,
    prices=PRICES,
    remarks=limits.REMARKS,
    numerai_cli=NumeraiCli(
        region="us-east-1",
        size="mem-md",
        cron=CronForm.EVENTBRIDGE,
        change="aws: jobs run on Fargate, with 20 GiB of disk, instead of EC2 machines; credentials and region are "
        "those of pulumi-aws (profile, SSO, environment), and any `region` is possible",
        repository=re.compile(r"[0-9]+\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\."),
        included_disk=limits.FREE_DISK,
    ),
)
