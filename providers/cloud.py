"""What each cloud must provide: the contract that `providers/<cloud>/cloud.py` fulfils.

Code outside a cloud's own folder reaches it through a `Cloud`, which `providers.clouds.find_cloud` returns. Its
attributes need no SDK, and each method imports only the module that it needs: `pnodes validate` never loads Pulumi, and
a file with one cloud never loads the SDKs of the others. docs/adding-a-cloud.md lists what to write.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from nodefile import Node
    from providers.contract import PredictionNode, Stack
    from providers.findings import Finding, Place
    from providers.operations import Account, Configured
    from providers.permissions import Table
    from providers.prices import Prices


class Fit(Protocol):
    """The machine that a node gets: the smallest that the cloud offers for the size it asks for."""

    @property
    def vcpu(self) -> float:
        """Number of vCPUs."""

    @property
    def memory(self) -> int:
        """Memory in MiB."""

    @property
    def disk(self) -> int | None:
        """Disk in GiB where the node asks for one; None for what comes with the machine."""

    @property
    def note(self) -> str | None:
        """Why the machine is larger than the size asked for; None if it is not."""

    @property
    def machine(self) -> str:
        """The kind of a machine that the price table does not cover; empty otherwise."""


class CronForm(StrEnum):
    """The form of the cron lines that numerai-cli passes on to a cloud unchanged."""

    EVENTBRIDGE = "six fields: minute, hour, day, month, weekday (1 is Sunday), year; one day field is ?"
    TIMER = "five or six fields: second (optional), minute, hour, day, month, weekday (0 is Sunday)"
    UNUSED = "either form: numerai-cli ignores the line on this cloud"


@dataclass(frozen=True)
class NumeraiCli:
    """What numerai-cli does on one cloud, for `pnodes import`. Source: its Terraform files."""

    region: str
    """Where it puts everything unless someone has edited its files."""
    size: str
    """The preset of a node that names none."""
    cron: CronForm
    change: str
    """A sentence: what differs here for every node on this cloud."""
    repository: re.Pattern[str] | None = None
    """Matches the address of its image registry: the region, then (if there is one) the project."""
    stops_jobs: bool = True
    """Whether it ends jobs at their time-out."""
    included_disk: int | None = None
    """Disk in GiB that every job has, where `volume` meant something; None where it meant nothing."""


class Cloud(abc.ABC):
    """One cloud. Instances hold no state; nothing is asked of the cloud until `open_account` or `examine`."""

    name: ClassVar[str]
    """As in nodes.yaml, and as the folder in providers/ is called."""
    title: ClassVar[str]
    """As people write it."""
    package: ClassVar[str]
    """Pulumi's package, from which its plugin, its SDK and the types of its resources take their names."""
    sign_in: ClassVar[str]
    """The command with which a person signs in."""
    state_scheme: ClassVar[str]
    """The scheme of `pulumi login` for state in this cloud's object storage."""
    secrets_scheme: ClassVar[str]
    """The scheme of a stack's secrets provider in this cloud's key service."""
    workflow_login: ClassVar[Mapping[str, str]]
    """For the workflows in .github: environment variable -> the repository variable it comes from; {} is the role."""
    remarks: ClassVar[Mapping[str, str]] = {}
    """Key of nodes.yaml -> how this cloud differs from the others, for docs/nodes-yaml.md."""
    numerai_cli: ClassVar[NumeraiCli | None] = None
    """None for a cloud that numerai-cli does not know."""

    @property
    @abc.abstractmethod
    def prices(self) -> Prices:
        """List prices."""

    @abc.abstractmethod
    def fit(self, node: Node) -> Fit:
        """The machine that the node gets; the largest there is where none suffices, which `check` then refuses."""

    @abc.abstractmethod
    def check(self, node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        """(key of nodes.yaml, sentence) for everything that this cloud cannot do for the node."""

    @abc.abstractmethod
    def register(self, region: str, nodes: Sequence[Node], stack: Stack) -> Sequence[PredictionNode]:
        """Register a region's cluster and its nodes with Pulumi; the nodes in the order given."""

    @abc.abstractmethod
    def open_account(self, configured: Configured, region: str) -> Account:
        """The account as the stack's configuration describes it, for `pnodes status`, `logs`, `stop` and the like.

        Raises OperationsError.
        """

    @abc.abstractmethod
    def examine(self, place: Place) -> Iterable[Finding]:
        """What `pnodes doctor` finds in one region. Raises OperationsError."""

    @abc.abstractmethod
    def permissions(self) -> Table:
        """The rights that each resource type, look-up and command needs."""

    @abc.abstractmethod
    def permission_files(self) -> Iterator[tuple[str, str]]:
        """(name, text) of the files in docs/permissions with which an administrator grants those rights."""
