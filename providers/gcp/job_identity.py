"""The identity of the jobs of one Numerai account in one region: it may read that account's two keys and the secrets of
its nodes, nothing else.

A node may name a service account of the user instead. Its jobs then run as that account, which may read the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_gcp as gcp

from nodefile import Node
from providers.component import TYPE_PREFIX
from providers.gcp import names
from providers.propagation import Permissions


def name_identity(node: Node) -> str | None:
    """Return what nodes with the same identity have in common: the user's own service account, or the account at
    Numerai.
    """
    return node.rights[0] if node.rights else node.account


def group_nodes(nodes: Iterable[Node]) -> dict[str | None, list[Node]]:
    """Return the nodes of each identity."""
    groups: dict[str | None, list[Node]] = {}
    for node in sorted(nodes, key=lambda node: name_identity(node) or ""):
        groups.setdefault(name_identity(node), []).append(node)
    return groups


class JobIdentity(pulumi.ComponentResource):
    """A service account that all jobs with the same identity run as."""

    def __init__(
        self,
        cluster: str,
        node: Node,
        digits: str,
        secrets: Mapping[str, pulumi.Output[str]],
        own: Sequence[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`node` is any node of the identity, `secrets` are the ids of the secrets that it may read, by name.

        `own` are the names of those that are not keys.
        """
        account, ending = node.account, f"-{node.account}" if node.account else ""
        if node.rights:
            ending = f"-{_shorten(node.rights[0])}"
        name = f"{cluster}-run{ending}"
        super().__init__(f"{TYPE_PREFIX}:gcp:JobIdentity", name, None, opts)
        self.email = (
            pulumi.Output.from_input(node.rights[0]) if node.rights else self._create(name, account, digits, opts)
        )
        self.grants: list[pulumi.Resource] = [
            gcp.secretmanager.SecretIamMember(
                # The names of an account's keys end with the account's name already.
                f"{cluster}-run-{secret.removesuffix(ending)}{ending}",
                secret_id=id_,
                role="roles/secretmanager.secretAccessor",
                member=pulumi.Output.concat("serviceAccount:", self.email),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for secret, id_ in secrets.items()
        ]
        # A new secret may be a job's only change; a new identity's first job waits for its image anyway.
        if own:
            after = pulumi.ResourceOptions(parent=self, depends_on=self.grants)
            self.grants = [*self.grants, Permissions("gcp", name, self.email, own, after)]
        self.register_outputs({"email": self.email})

    def _create(self, name: str, account: str | None, digits: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        return gcp.serviceaccount.Account(
            name,
            account_id=names.name_account(f"{account}-run" if account else "run", digits),
            display_name=f"jobs of prediction nodes{f' of {account}' if account else ''}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on),
        ).email


def _shorten(email: str) -> str:
    return f"{email.partition('@')[0]}-{hashlib.sha256(email.encode()).hexdigest()[:6]}"
