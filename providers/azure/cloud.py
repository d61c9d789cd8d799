"""Azure as a `providers.cloud.Cloud`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from providers import cloud
from providers.azure import limits
from providers.azure.prices import PRICES
from providers.cloud import CronForm, NumeraiCli

if TYPE_CHECKING:
    from nodefile import Node
    from providers.component import PredictionNode, Stack
    from providers.findings import Finding, Place
    from providers.operations import Account, Configured
    from providers.permissions import Table


class Azure(cloud.Cloud):
    """Azure."""

    name = "azure"
    title = "Azure"
    package = "azure-native"
    sign_in = "az login"
    state_scheme = "azblob"
    secrets_scheme = "azurekeyvault"
    workflow_login: ClassVar[Mapping[str, str]] = {
        "LOGIN_AZURE_CLIENT": "AZURE_{}_CLIENT_ID",
        "LOGIN_AZURE_TENANT": "AZURE_TENANT_ID",
        "LOGIN_AZURE_SUBSCRIPTION": "AZURE_SUBSCRIPTION_ID",
    }
    remarks = limits.REMARKS
    numerai_cli = NumeraiCli(
        region="eastus",
        size="mem-md",
        cron=CronForm.TIMER,
        change="azure: jobs run on Container Apps instead of container instances, and now get TRIGGER_ID; credentials "
        "are those of pulumi-azure-native (`az login`), and any `region` is possible",
        stops_jobs=False,
    )
    prices = PRICES

    def fit(self, node: Node) -> limits.Fit:
        return limits.fit(node)

    def check(self, node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        return limits.check(node, project, stack)

    def register(self, region: str, nodes: Sequence[Node], stack: Stack) -> Sequence[PredictionNode]:
        from providers.azure.cluster import Cluster
        from providers.azure.node import PredictionNode

        cluster = Cluster(region, nodes, stack)
        return [PredictionNode(node, cluster, stack) for node in nodes]

    def open_account(self, configured: Configured, region: str) -> Account:
        from providers.azure import operations

        return operations.Account(configured, region)

    def examine(self, place: Place) -> Iterable[Finding]:
        from providers.azure import doctor

        return doctor.examine(place)

    def permissions(self) -> Table:
        from providers.azure import permissions

        return permissions.TABLE

    def permission_files(self) -> Iterator[tuple[str, str]]:
        from providers.azure import permissions

        return permissions.list_files()


CLOUD = Azure()
