"""The identity with which the jobs of one Numerai account pull their images and read the account's keys.

It is attached to jobs with the lifecycle None, so the code in a container cannot get a token for it. Jobs have no other
identity, except one that nodes.yaml names (`azure`). Each account has its own vault, so no identity can read the keys
of another account. The nodes' own secrets are in a second vault of the account: the trigger may read the first one, to
ask Numerai for submissions.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import containerregistry, keyvault, managedidentity, resources

from providers.azure import roles
from providers.propagation import Permissions


class JobIdentity:
    """A region's identity for one account. `keys` are the references to the secrets in `vault`, by name, and `own`
    those to the nodes' own secrets in a second vault, if there is one.
    """

    def __init__(
        self,
        name: str,
        group: resources.ResourceGroup,
        registry: containerregistry.Registry,
        vault: keyvault.Vault,
        keys: Mapping[str, pulumi.Output[str]],
        own: Mapping[str, pulumi.Output[str]],
        own_vault: keyvault.Vault | None,
        subscription: pulumi.Output[str],
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        self.keys, self.own, self.vault = keys, own, vault.id
        # Without the versions, so that a new key does not change the rows of the trigger's table.
        self.addresses = pulumi.Output.all(*keys.values()).apply(
            lambda urls: "~".join(str(url).rpartition("/")[0] for url in urls)
        )
        """The addresses of both secrets, separated by ~."""
        identity = managedidentity.UserAssignedIdentity(
            name, resource_group_name=group.name, location=group.location, tags=tags, opts=opts
        )
        self.id = identity.id
        self.grants = [
            roles.assign(
                f"{name}-{what}", scope, roles.name_builtin_role(subscription, role), identity.principal_id, opts
            )
            for what, scope, role in (
                ("pull", registry.id, roles.ACR_PULL),
                ("keys", vault.id, roles.KEY_VAULT_SECRETS_USER),
                *([("secrets", own_vault.id, roles.KEY_VAULT_SECRETS_USER)] if own_vault else []),
            )
        ]
        """What a job needs before it is created: Azure checks that its image and keys can be read."""
        self.settled: list[pulumi.Resource] = list(self.grants)
        """The grants and, if the nodes have own secrets, the wait for the role on their vault. A new secret may be a
        job's only change; a new identity's first job waits for its image anyway."""
        if own_vault:
            after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=self.grants))
            self.settled.append(Permissions("azure", name, identity.id, [own_vault.id], after))
