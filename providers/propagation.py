"""Waits until new permissions of an account have most likely taken effect.

It takes about two minutes on Google Cloud (cloud.google.com/iam/docs/access-change-propagation), and up to ten on Azure
(learn.microsoft.com/azure/role-based-access-control/troubleshooting). Both refuse a job whose account cannot read its
secrets yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import dynamic

from providers.cancellation import cancelled
from providers.resource import Provider, Resource

WAIT_SETTING = "permission-seconds"
_WAIT_SECONDS = 120.0


class PermissionsProvider(Provider):
    """Waits after an account has been granted roles, and again after further ones."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        self._wait(props)
        return dynamic.CreateResult(f"{props['account']}/permissions", props)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        if set(news["grants"]) - set(olds.get("grants", [])):
            self._wait(news)
        return dynamic.UpdateResult(news)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        replaces = ["account"] if olds["account"] != news["account"] else []
        return dynamic.DiffResult(changes=bool(replaces) or olds.get("grants", []) != news["grants"], replaces=replaces)

    def _wait(self, props: dict[str, Any]) -> None:
        seconds = float(self.setting(WAIT_SETTING) or _WAIT_SECONDS)
        if seconds:
            print(f"waiting {seconds:g} s, as the roles of {props['account']} take minutes to take effect", flush=True)
            cancelled.wait(seconds)


class Permissions(Resource, module="prediction-nodes", name="Permissions"):
    """Grants of roles to an account (its e-mail address or id), which most likely have taken effect afterwards."""

    def __init__(
        self,
        cloud: str,
        name: str,
        account: pulumi.Input[str],
        grants: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`grants` names what the account may now use, if it may use more later."""
        super().__init__(f"{cloud}-permissions", name, {"account": account, "grants": list(grants)}, opts)
