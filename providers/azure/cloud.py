"""Azure as a `providers.cloud.Cloud`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.azure import limits
from providers.azure.prices import PRICES
from providers.cloud import Cloud, CronForm, Modules, NumeraiCli

if TYPE_CHECKING:
    from providers.azure import cluster, doctor, ids, node, operations, permissions

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
    name="azure",
    title="Azure",
    package="azure-native",
    sign_in="az login",
    state_scheme="azblob",
    secrets_scheme="azurekeyvault",
    workflow_login={
        "LOGIN_AZURE_CLIENT": "AZURE_{}_CLIENT_ID",
        "LOGIN_AZURE_TENANT": "AZURE_TENANT_ID",
        "LOGIN_AZURE_SUBSCRIPTION": "AZURE_SUBSCRIPTION_ID",
    },
    fit=limits.fit,
    check=limits.check,
    prices=PRICES,
    remarks=limits.REMARKS,
    numerai_cli=NumeraiCli(
        region="eastus",
        size="mem-md",
        cron=CronForm.TIMER,
        change="azure: jobs run on Container Apps instead of container instances, and now get TRIGGER_ID; credentials "
        "are those of pulumi-azure-native (`az login`), and any `region` is possible",
        stops_jobs=False,
    ),
)
