"""Diagnostic settings of Container Apps environments, and the tables that the logs of an environment's jobs reach.

With the destination `azure-monitor`, an environment keeps no logs unless a setting names a workspace. Unless the
setting asks for dedicated tables, the lines go to the tables of `log-analytics`, whose names end in _CL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.cloud import CloudError, Handler, Resource

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

SETTING = "azure-native:monitor:DiagnosticSetting"
ENVIRONMENT = "azure-native:app:ManagedEnvironment"
WORKSPACE = "azure-native:operationalinsights:Workspace"
CONSOLE, SYSTEM = "ContainerAppConsoleLogs", "ContainerAppSystemLogs"
CLASSIC = "_CL"
"""The end of the names of tables that were created for the HTTP Data Collector API."""


class DiagnosticSetting(Handler):
    """Microsoft.Insights/diagnosticSettings of an environment."""

    autoname = "name"
    autoname_separator = ""
    autoname_hex = 8
    replace_on = frozenset({"name", "resourceUri"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        uri = resource.inputs["resourceUri"]
        if self.cloud.get(ENVIRONMENT, uri) is None:
            raise CloudError(f'Code="ResourceNotFound": The resource {uri} was not found.')
        resource.id = f"{uri}/providers/Microsoft.Insights/diagnosticSettings/{resource.inputs['name']}"
        self._validate(resource)
        resource.outputs |= {"type": "Microsoft.Insights/diagnosticSettings"}

    def update(self, _old: Resource, resource: Resource) -> None:
        self._validate(resource)

    def _validate(self, resource: Resource) -> None:
        workspace = resource.outputs.get("workspaceId")
        if self.cloud.get(WORKSPACE, str(workspace)) is None:
            raise CloudError(f'Code="ResourceNotFound": The workspace {workspace} was not found.')
        categories = set(_list_categories(resource))
        if unknown := categories - {CONSOLE, SYSTEM}:
            raise CloudError(f"Code=\"BadRequest\": Category '{min(unknown)}' is not supported.")
        for other in _list_settings(self.cloud, resource["resourceUri"]):
            if other.id != resource.id and other["workspaceId"] == workspace:
                for category in categories & set(_list_categories(other)):
                    raise CloudError(
                        f"Code=\"Conflict\": Data sink '{workspace}' is already used in diagnostic setting "
                        f"'{other['name']}' for category '{category}'."
                    )


def check_destination(logs: dict[str, Any]) -> None:
    """Check the logs' configuration of an environment. Raises CloudError."""
    if (logs.get("destination") == "log-analytics") is not ("logAnalyticsConfiguration" in logs):
        raise CloudError('Code="InvalidRequestParameterWithDetails": LogAnalyticsConfiguration is invalid.')


def list_tables(cloud: AzureCloud, id_: str) -> list[list[str]]:
    """Return [a workspace's customer id, table] for each table that the logs of an environment's jobs reach now."""
    environment = cloud.get(ENVIRONMENT, id_)
    logs: dict[str, Any] = (environment and environment.outputs.get("appLogsConfiguration")) or {}
    if logs.get("destination") == "log-analytics":
        customer = logs["logAnalyticsConfiguration"]["customerId"]
        return [[customer, f"{table}{CLASSIC}"] for table in (CONSOLE, SYSTEM)]
    if logs.get("destination") != "azure-monitor":
        return []
    return [
        [workspace["customerId"], category + end]
        for setting in _list_settings(cloud, id_)
        for end in ["" if setting.outputs.get("logAnalyticsDestinationType") == "Dedicated" else CLASSIC]
        for category in _list_categories(setting)
        for workspace in [cloud.get(WORKSPACE, setting["workspaceId"])]
        if workspace is not None
    ]


def _list_settings(cloud: AzureCloud, environment: str) -> list[Resource]:
    return [setting for setting in cloud.resources(SETTING) if setting["resourceUri"] == environment]


def _list_categories(setting: Resource) -> Iterator[str]:
    for entry in setting.outputs.get("logs") or []:
        if entry["enabled"]:
            yield from [CONSOLE, SYSTEM] if entry.get("categoryGroup") == "allLogs" else [entry.get("category", "")]
