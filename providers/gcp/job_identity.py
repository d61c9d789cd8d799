"""The identity of the jobs of one Numerai account in one region: it may read that account's two keys and the secrets of
its nodes, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_gcp as gcp

from providers.component import TYPE_PREFIX
from providers.gcp import names, roles


class JobIdentity(pulumi.ComponentResource):
    """A service account that all jobs with the same `account` run as."""

    def __init__(
        self,
        cluster: str,
        account: str | None,
        digits: str,
        secrets: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`secrets` are the ids of the secrets that it may read, by names that no other account's have."""
        ending = f"-{account}" if account else ""
        name = f"{cluster}-run{ending}"
        super().__init__(f"{TYPE_PREFIX}:gcp:JobIdentity", name, None, opts)
        identity = gcp.serviceaccount.Account(
            name,
            account_id=names.name_account(f"{account}-run" if account else "run", digits),
            display_name=f"jobs of prediction nodes{f' of {account}' if account else ''}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on),
        )
        self.grants = [
            gcp.secretmanager.SecretIamMember(
                f"{cluster}-run-{unique}",
                secret_id=secret,
                role="roles/secretmanager.secretAccessor",
                member=roles.name_member(identity),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for unique, secret in secrets.items()
        ]
        self.email = identity.email
        self.register_outputs({"email": self.email})
