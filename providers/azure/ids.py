"""The ids of Azure's resources, which their inputs determine: those of ARM, as pulumi-azure-native uses them."""

from __future__ import annotations

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"

IDS = {
    "azure-native:resources:ResourceGroup": _GROUP,
    "azure-native:authorization:RoleDefinition": "{scope}/providers/Microsoft.Authorization/roleDefinitions/"
    "{roleDefinitionId}",
    "azure-native:authorization:RoleAssignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/"
    "{roleAssignmentName}",
    "azure-native:monitor:DiagnosticSetting": "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    **{
        f"azure-native:{type_}": f"{_GROUP}/providers/Microsoft.{path}"
        for type_, path in {
            "app:Job": "App/jobs/{jobName}",
            "app:ManagedEnvironment": "App/managedEnvironments/{environmentName}",
            "applicationinsights:Component": "Insights/components/{resourceName}",
            "containerregistry:Registry": "ContainerRegistry/registries/{registryName}",
            "keyvault:Secret": "KeyVault/vaults/{vaultName}/secrets/{secretName}",
            "keyvault:Vault": "KeyVault/vaults/{vaultName}",
            "managedidentity:UserAssignedIdentity": "ManagedIdentity/userAssignedIdentities/{resourceName}",
            "operationalinsights:Workspace": "OperationalInsights/workspaces/{workspaceName}",
            "storage:BlobContainer": "Storage/storageAccounts/{accountName}/blobServices/default/containers/"
            "{containerName}",
            "storage:ManagementPolicy": "Storage/storageAccounts/{accountName}/managementPolicies/"
            "{managementPolicyName}",
            "storage:StorageAccount": "Storage/storageAccounts/{accountName}",
            "web:AppServicePlan": "Web/serverfarms/{name}",
            "web:WebApp": "Web/sites/{name}",
        }.items()
    },
}
"""Type -> the id of a resource, with its inputs and the subscription in braces."""
