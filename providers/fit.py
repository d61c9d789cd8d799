"""The machine that a node gets on a cloud, which `providers/<cloud>/limits.py` chooses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fit:
    """The machine that a node gets: the smallest one of the cloud that has the requested size."""

    vcpu: float
    """Number of vCPUs."""
    memory: int
    """Memory in MiB."""
    note: str | None = None
    """Why the machine is larger than the requested size; None if it is not."""
    disk: int | None = None
    """Disk in GiB if the node requests one; None for the disk that the machine has anyway."""
    machine: str = ""
    """The machine type if the prices of vCPU and memory alone do not cover it; otherwise empty."""
