"""The identity with which the jobs of one Numerai account pull their images and read the account's keys.

It is attached to jobs with the lifecycle None, so the code in a container cannot get a token for it. Jobs have no other
identity.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import containerregistry, keyvault, managedidentity, resources

from providers.azure import roles


class JobIdentity:
    """A region's identity for one account. `keys` holds the account's secrets by name."""

    def __init__(
        self,
        name: str,
        group: resources.ResourceGroup,
        registry: containerregistry.Registry,
        keys: Mapping[str, keyvault.Secret],
        subscription: pulumi.Output[str],
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._identity = managedidentity.UserAssignedIdentity(
            name, resource_group_name=group.name, location=group.location, tags=tags, opts=opts
        )
        self.id = self._identity.id
        scopes = {"pull": (registry.id, roles.ACR_PULL)}
        scopes |= {key: (secret.id, roles.KEY_VAULT_SECRETS_USER) for key, secret in keys.items()}
        self.grants = [
            roles.assign(
                f"{name}-{what}",
                scope,
                roles.name_builtin_role(subscription, role),
                self._identity.principal_id,
                opts,
            )
            for what, (scope, role) in scopes.items()
        ]
        """What a job needs before it is created: Azure checks that its image and keys can be read."""
        # References contain the secret's version, so that a new key changes the jobs in the same `up`.
        self.keys = {
            key: pulumi.Output.unsecret(secret.properties.secret_uri_with_version) for key, secret in keys.items()
        }
