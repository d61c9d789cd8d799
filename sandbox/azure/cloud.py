"""The simulated Azure: handlers by resource type, provider functions, and the service behind each host name."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from sandbox.azure import (
    alerts,
    analytics,
    diagnostics,
    entra,
    handlers,
    identity,
    jobs,
    rbac,
    registry,
    storage,
    vault,
    web,
)
from sandbox.azure.arm import Arm
from sandbox.azure.calls import Call, Refused, Reply, arm_error
from sandbox.azure.images import SUFFIX as REGISTRY_SUFFIX
from sandbox.azure.images import RegistryHost
from sandbox.azure.timers import Timers
from sandbox.calls import serve
from sandbox.cloud import Cloud, CloudError, Handler, Kernel

# The values in Pulumi.sandbox.yaml, for use before the first `up` sends the provider's configuration.
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"
ARM_HOST = "management.azure.com"


class AzureCloud(Cloud):
    """One subscription, whose owner runs `pulumi up`."""

    name: ClassVar[str] = "azure"
    package: ClassVar[str] = "azure-native"

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.access = rbac.Access(self)
        self.tokens = identity.Tokens(self)
        self.blobs = storage.Blobs(self, self.access)
        self.clock: Timers = Timers(self)
        self._arm, self._publisher, self._registries = Arm(self), web.Publisher(self), RegistryHost(self)
        self._analytics = analytics.Analytics(self)
        self.app = serve(self.faults.wrap(self.answer))

    @property
    def subscription(self) -> str:
        """The subscription in the provider's configuration, or else the sandbox's own."""
        return str(self.config.get("subscriptionId") or SUBSCRIPTION)

    @property
    def tenant(self) -> str:
        """The tenant in the provider's configuration, or else the sandbox's own."""
        return str(self.config.get("tenantId") or TENANT)

    @cached_property
    def handlers(self) -> dict[str, Handler]:  # type: ignore[override]
        """The handlers of every type that the Azure components register."""
        return {
            handlers.GROUP: handlers.ResourceGroup(self),
            diagnostics.WORKSPACE: handlers.Workspace(self, "workspaceName"),
            "azure-native:applicationinsights:Component": handlers.Insights(self, "resourceName"),
            identity.IDENTITY: handlers.Identity(self, "resourceName"),
            rbac.DEFINITION: handlers.RoleDefinition(self),
            rbac.ASSIGNMENT: handlers.RoleAssignment(self),
            storage.ACCOUNT: storage.Account(self, "accountName"),
            storage.CONTAINER: storage.Container(self),
            "azure-native:storage:ManagementPolicy": storage.Policy(self),
            vault.VAULT: vault.Vault(self, "vaultName"),
            vault.SECRET: vault.Secret(self),
            registry.REGISTRY: registry.Registry(self, "registryName"),
            jobs.ENVIRONMENT: jobs.Environment(self, "environmentName"),
            alerts.GROUP: alerts.ActionGroup(self, "actionGroupName"),
            alerts.RULE: alerts.Rule(self, "ruleName"),
            diagnostics.SETTING: diagnostics.DiagnosticSetting(self),
            jobs.JOB: jobs.Job(self, "jobName"),
            web.PLAN: web.AppServicePlan(self, "name"),
            web.SITE: web.Site(self, "name"),
        }

    def list_registered(self) -> set[str]:
        """Return the namespaces that are registered for the subscription."""
        return set(self.kernel.store.all("azure:providers"))

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "azure-native:authorization:getClientConfig":  # noqa: S105 - a function's name
            return {
                "clientId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
                "objectId": "5a4db0c5-0000-4000-8000-000000000003",
                "subscriptionId": self.subscription,
                "tenantId": self.tenant,
            }
        if token == "azure-native:authorization:getClientToken":  # noqa: S105
            return {"token": self.tokens.issue(rbac.DEPLOYER, identity.MANAGEMENT)[0]}
        if token == "azure-native:operationalinsights:getSharedKeys":  # noqa: S105
            return {"primarySharedKey": f"key of {args['workspaceName']}", "secondarySharedKey": "unused"}
        raise CloudError(f"the sandbox has no {token}")

    def send_emails(self) -> None:
        alerts.send_emails(self)

    def owns(self, host: str) -> bool:
        suffixes = (storage.SUFFIX, vault.SUFFIX, web.SUFFIX, REGISTRY_SUFFIX)
        return host in (ARM_HOST, identity.HOST, entra.HOST, analytics.HOST) or host.endswith(suffixes)

    def answer(self, call: Call) -> Reply:
        """Answer a request to any of Azure's hosts."""
        try:
            if call.host == ARM_HOST:
                return self._arm.serve(call)
            if call.host == entra.HOST:
                return entra.serve(self, call)
            if call.host == analytics.HOST:
                return self._analytics.serve(call)
            if call.host == identity.HOST:
                return self.tokens.serve(call)
            if call.host.endswith(storage.SUFFIX):
                return self.blobs.serve(call)
            if call.host.endswith(vault.SUFFIX):
                return vault.serve(self, call)
            if call.host.endswith(REGISTRY_SUFFIX):
                return self._registries.serve(call)
            if call.host.endswith(web.SCM_SUFFIX):
                return self._publisher.serve(call)
            return web.serve_app(self, call)
        except Refused as refused:
            return arm_error(refused)
