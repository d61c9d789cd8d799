"""What a region's alerts need: the addresses that its nodes name, and the column `alerts` of the trigger's table.

The address of a webhook or heartbeat is a secret of the stack. It goes into the secret store of each cloud whose nodes
name it; the table and the trigger's settings have only the reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from nodefile.rescue import add_rescues
from trigger.alert_channels import AlertError, find_host

REGION = "{region}"
"""What stands for cloud and region in the address of a heartbeat."""


def list_webhooks(nodes: Iterable[Node]) -> list[str]:
    """Return the names of the secrets with webhooks."""
    return sorted({node.alerts.webhook for node in nodes if node.alerts.webhook})


def list_emails(nodes: Iterable[Node]) -> list[str]:
    """Return the e-mail addresses."""
    return sorted({node.alerts.email for node in nodes if node.alerts.email})


def list_heartbeats(nodes: Iterable[Node]) -> list[str]:
    """Return the names of the secrets with heartbeats. A region without a watched node has no heart that beats."""
    return sorted({node.alerts.heartbeat for node in nodes if node.alerts.heartbeat and node.watch.enabled})


def name_email(email: str) -> str:
    """Return what stands for an e-mail address in names of resources and in the log: eight hex digits."""
    return hashlib.sha256(email.encode()).hexdigest()[:8]


def load_addresses(nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
    """Return the addresses that nodes name, by the names of their secrets. Raises RunError for missing and wrong ones.

    A heartbeat that several regions call must tell them apart: otherwise, one region's calls would hide that another
    region's watch has died.
    """
    return {
        name: _load(name, [node for node in nodes if name in (node.alerts.webhook, node.alerts.heartbeat)])
        for name in sorted({*list_webhooks(nodes), *list_heartbeats(nodes)})
    }


def _load(name: str, nodes: Sequence[Node]) -> pulumi.Output[str]:
    regions = {(node.cloud, node.region) for node in add_rescues(nodes) if node.alerts.heartbeat == name}
    value = pulumi.Config().get_secret(name)
    if value is not None:
        return value.apply(lambda address: check_address(name, address, len(regions)))
    if pulumi.runtime.is_dry_run():  # a preview of a pull request needs no secrets
        return pulumi.Output.secret(cast(str, UNKNOWN))
    raise pulumi.RunError(
        f"`alerts` of {', '.join(node.name for node in nodes)} in nodes.yaml names the secret {name}, which this stack "
        f"does not have: pulumi config set --secret {name} https://..."
    )


def check_address(name: str, address: str, regions: int) -> str:
    """Return an address without blanks around it. Raises RunError, without the address, if it cannot be called."""
    try:
        find_host(address)
    except AlertError as error:
        raise pulumi.RunError(
            f"The secret {name} is not an address for alerts: {error}. Set it again: pulumi config set --secret {name} "
            "https://..."
        ) from None
    if regions > 1 and REGION not in address:
        raise pulumi.RunError(
            f"The secret {name} is the heartbeat of {regions} regions, so its address must contain {REGION}, such as "
            f"https://hc-ping.com/PING_KEY/pnodes-{REGION}?create=1. Otherwise one region would hide that another "
            "one's watch has died. Or name another secret for each region's nodes."
        )
    return address.strip()


def select_addresses(
    nodes: Sequence[Node], addresses: Mapping[str, pulumi.Output[str]]
) -> dict[str, pulumi.Output[str]]:
    """Return the addresses for one region's nodes by name, with the region filled in."""
    node = nodes[0]
    region = f"{node.cloud}-{node.region}"
    names = sorted({*list_webhooks(nodes), *list_heartbeats(nodes)})
    return {name: addresses[name].apply(lambda address: str(address).replace(REGION, region)) for name in names}


class RegionAlerts:
    """What stands for the addresses of a region's alerts in the trigger's table and variables.

    Each cloud's class adds the resources, which exist only if a node has `alerts`.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        refer: Callable[[str], pulumi.Input[str]],
        refer_email: Callable[[str], pulumi.Input[str]],
    ) -> None:
        """`refer` returns what stands for a secret's address, by its name; `refer_email` for an e-mail address."""
        self._webhooks = {name: refer(name) for name in list_webhooks(nodes)}
        self._emails = {email: refer_email(email) for email in list_emails(nodes)}
        beats = [refer(name) for name in list_heartbeats(nodes)]
        self.environment = {"HEARTBEATS": pulumi.Output.all(*beats).apply(" ".join)} if beats else {}
        """The variables of the trigger"""

    def write_column(self, node: Node) -> pulumi.Output[str]:
        """Return the node's column `alerts` of the trigger's table."""
        parts: list[pulumi.Input[str]] = []
        if node.alerts.webhook:
            parts += [" webhook=", self._webhooks[node.alerts.webhook]]
        if node.alerts.email:
            parts += [" email=", self._emails[node.alerts.email]]
        return pulumi.Output.concat(str(node.timeout) if parts else "", *parts)
