"""The contract that `providers/<cloud>/cloud.py` fulfils.

Code outside a cloud's folder reaches the cloud through a `Cloud`, which `providers.clouds.find_cloud` returns. Its
attributes need no SDK, and each method imports only the modules of the folder that it needs. So `pnodes validate` never
loads Pulumi, and a file with nodes on one cloud never loads the SDKs of the others. The modules and their contents have
the same names in every folder; `Modules` has their types. docs/adding-a-cloud.md shows how to add a cloud.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from nodefile import Node
    from providers.component import PredictionNode, Stack
    from providers.findings import Finding, Place
    from providers.fit import Fit
    from providers.operations import Account, Configured
    from providers.permissions import Table
    from providers.prices import Prices

Cluster = TypeVar("Cluster")


class CronForm(StrEnum):
    """The form of cron lines that a cloud expects. numerai-cli passes them on unchanged."""

    EVENTBRIDGE = "six fields: minute, hour, day, month, weekday (1 is Sunday), year; one day field is ?"
    TIMER = "five or six fields: second (optional), minute, hour, day, month, weekday (0 is Sunday)"
    UNUSED = "either form: numerai-cli ignores the line on this cloud"


@dataclass(frozen=True)
class NumeraiCli:
    """How numerai-cli deploys to one cloud, for `pnodes import`. Source: its Terraform files."""

    region: str
    """The region in which it creates all resources, unless its files were edited."""
    size: str
    """The preset that it uses if a node names none."""
    cron: CronForm
    change: str
    """A sentence on what changes for every imported node on this cloud."""
    repository: re.Pattern[str] | None = None
    """Matches the address of its image registry. Groups: the region, then the project if the cloud has projects."""
    stops_jobs: bool = True
    """Whether it ends jobs at their time-out."""
    included_disk: int | None = None
    """Disk in GiB that every job has, on a cloud where numerai-cli uses `volume`; None where it ignores `volume`."""


@dataclass(frozen=True)
class Modules(Generic[Cluster]):
    """What the modules of a cloud's folder contain that are imported on first use. mypy compares each cloud with it."""

    cluster: Callable[[str, Sequence[Node], Stack], Cluster]
    node: Callable[[Node, Cluster, Stack], PredictionNode]
    account: Callable[[Configured, str], Account]
    examine: Callable[[Place], Iterable[Finding]]
    permissions: Table
    permission_files: Callable[[], Iterator[tuple[str, str]]]
    ids: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One cloud. Only `open_account` and `examine` call it."""

    name: str
    """The cloud's name in nodes.yaml, and of its folder in providers/."""
    title: str
    """The cloud's name in text."""
    package: str
    """The Pulumi package. The plugin, the SDK and the resource types are named after it."""
    sign_in: str
    """The command that signs a person in."""
    state_scheme: str
    """The URL scheme that `pulumi login` takes for state in this cloud's object storage."""
    secrets_scheme: str
    """The URL scheme of a stack's secrets provider in this cloud's key service."""
    workflow_login: Mapping[str, str]
    """Environment variable of the workflows in .github -> the repository variable that sets it; {} is the role."""
    fit: Callable[[Node], Fit]
    """Returns the machine that a node gets: the largest one if none is large enough, which `check` reports."""
    check: Callable[[Node, str, str], Iterator[tuple[str, str]]]
    """Yields (key of nodes.yaml, sentence) for each of a node's settings that this cloud cannot provide. The other
    arguments are the names of the project and the stack."""
    prices: Prices
    """The cloud's list prices."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """Key of nodes.yaml -> how this cloud treats it differently, for docs/nodes-yaml.md."""
    numerai_cli: NumeraiCli | None = None
    """None for a cloud that numerai-cli does not support."""

    def register_cluster(self, region: str, nodes: Sequence[Node], stack: Stack) -> Any:
        """Register the cluster of a region's nodes with Pulumi."""
        return importlib.import_module(f"providers.{self.name}.cluster").Cluster(region, nodes, stack)

    def register_node(self, node: Node, cluster: Any, stack: Stack) -> PredictionNode:
        """Register a node with Pulumi. Returns its component."""
        component: PredictionNode = importlib.import_module(f"providers.{self.name}.node").PredictionNode(
            node, cluster, stack
        )
        return component

    def open_account(self, configured: Configured, region: str) -> Account:
        """Sign in as the stack's configuration says, for `pnodes status`, `logs`, `stop` and similar commands.

        Raises OperationsError.
        """
        account: Account = importlib.import_module(f"providers.{self.name}.operations").Account(configured, region)
        return account

    def examine(self, place: Place) -> Iterator[Finding]:
        """Yield the findings of `pnodes doctor` in one region. Raises OperationsError."""
        yield from importlib.import_module(f"providers.{self.name}.doctor").examine(place)

    def find_id(self, type_: str, values: Mapping[str, str]) -> str | None:
        """Return the id that a resource has by its inputs and its provider's; None if the cloud chooses the id."""
        form: str | None = importlib.import_module(f"providers.{self.name}.ids").IDS.get(type_)
        try:
            return form and form.format_map(values)
        except KeyError:
            return None
