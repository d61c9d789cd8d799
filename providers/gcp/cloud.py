"""Google Cloud as a `providers.cloud.Cloud`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from providers.cloud import Cloud, CronForm, Modules, NumeraiCli
from providers.gcp import limits
from providers.gcp.prices import PRICES

if TYPE_CHECKING:
    from providers.gcp import cluster, doctor, ids, node, operations, permissions

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
    name="gcp",
    title="Google Cloud",
    package="gcp",
    sign_in="gcloud auth application-default login",
    state_scheme="gs",
    secrets_scheme="gcpkms",
    workflow_login={
        "LOGIN_GCP_PROVIDER": "GCP_WORKLOAD_IDENTITY_PROVIDER",
        "LOGIN_GCP_ACCOUNT": "GCP_{}_SERVICE_ACCOUNT",
    },
    fit=limits.fit,
    check=limits.check,
    prices=PRICES,
    remarks=limits.REMARKS,
    numerai_cli=NumeraiCli(
        region="us-east1",
        size="cpu-md",
        cron=CronForm.UNUSED,
        change="gcp: jobs run on Cloud Run as before; credentials are those of pulumi-gcp (`gcloud auth "
        "application-default login`), and any `region` is possible",
        repository=re.compile(r"([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/"),
    ),
)
