"""Google Cloud as a `providers.cloud.Cloud`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from providers import cloud
from providers.cloud import CronForm, NumeraiCli
from providers.gcp import limits
from providers.gcp.prices import PRICES

if TYPE_CHECKING:
    from nodefile import Node
    from providers.component import PredictionNode, Stack
    from providers.findings import Finding, Place
    from providers.operations import Account, Configured
    from providers.permissions import Table


class Gcp(cloud.Cloud):
    """Google Cloud."""

    name = "gcp"
    title = "Google Cloud"
    package = "gcp"
    sign_in = "gcloud auth application-default login"
    state_scheme = "gs"
    secrets_scheme = "gcpkms"
    workflow_login: ClassVar[Mapping[str, str]] = {
        "LOGIN_GCP_PROVIDER": "GCP_WORKLOAD_IDENTITY_PROVIDER",
        "LOGIN_GCP_ACCOUNT": "GCP_{}_SERVICE_ACCOUNT",
    }
    remarks = limits.REMARKS
    numerai_cli = NumeraiCli(
        region="us-east1",
        size="cpu-md",
        cron=CronForm.UNUSED,
        change="gcp: jobs run on Cloud Run as before; credentials are those of pulumi-gcp (`gcloud auth "
        "application-default login`), and any `region` is possible",
        repository=re.compile(r"([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/"),
    )
    prices = PRICES

    def fit(self, node: Node) -> limits.Fit:
        return limits.fit(node)

    def check(self, node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        return limits.check(node, project, stack)

    def register(self, region: str, nodes: Sequence[Node], stack: Stack) -> Sequence[PredictionNode]:
        from providers.gcp.cluster import Cluster
        from providers.gcp.node import PredictionNode

        cluster = Cluster(region, nodes, stack)
        return [PredictionNode(node, cluster, stack) for node in nodes]

    def open_account(self, configured: Configured, region: str) -> Account:
        from providers.gcp import operations

        return operations.Account(configured, region)

    def examine(self, place: Place) -> Iterable[Finding]:
        from providers.gcp import doctor

        return doctor.examine(place)

    def permissions(self) -> Table:
        from providers.gcp import permissions

        return permissions.TABLE

    def permission_files(self) -> Iterator[tuple[str, str]]:
        from providers.gcp import permissions

        return permissions.list_files()


CLOUD = Gcp()
