"""What Azure cannot do: sizes, disk, regions, time-outs and tags, checked before anything is built.

Container Apps' Consumption profile comes in steps of 0.25 vCPU with exactly 2 GiB per vCPU, up to 4 vCPU / 8 GiB. What
needs more runs on a dedicated workload profile: a virtual machine of the environment's own that exists while a run
needs it. An environment that may have such machines is billed by the hour, also while it has none. A replica is given
less memory than its machine has, since the machine's own agents need some.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nodefile import Node
from providers.azure import names

CONSUMPTION = "Consumption"
STEP_CPU, MAX_CPU, MAX_MEMORY = 0.25, 4.0, 8192
# profile -> (vCPU, MiB) of its machine, the cheapest that fits first.
DEDICATED = {
    "D4": (4, 16 * 1024),
    "E4": (4, 32 * 1024),
    "D8": (8, 32 * 1024),
    "E8": (8, 64 * 1024),
    "D16": (16, 64 * 1024),
    "E16": (16, 128 * 1024),
    "D32": (32, 128 * 1024),
    "E32": (32, 256 * 1024),
}
# Ephemeral disk that a replica has, GiB by vCPU: (vCPU up to, GiB). There is no setting for it.
DISK = ((0.25, 1), (0.5, 2), (1.0, 4), (math.inf, 8))
MAX_DISK = 8
MAX_TIMEOUT = 24 * 3600
MAX_JOB_NAME = 32
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256
OWN_TAGS = ("project", "stack", "node")
REMARKS = {
    "region": "without spaces or hyphens",
    "timeout": f"up to {MAX_TIMEOUT // 3600} h",
    "disk": f"comes with the vCPU, {MAX_DISK} GiB at most",
    "tags": "tags",
}
_REGION = re.compile(r"[a-z]{3,}[a-z0-9]*")
_TAG_KEY_REFUSED = re.compile(r"[<>%&\\?/\x00-\x1f\x7f]")
_TAG_KEY_RESERVED = ("microsoft", "azure", "windows")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


@dataclass(frozen=True)
class Fit:
    """What will really be asked for: the workload profile with vCPU and memory in MiB; `note` says why it is more."""

    profile: str
    cpu: float
    memory: int
    note: str | None = None
    disk: None = None

    @property
    def vcpu(self) -> float:
        """Number of vCPUs."""
        return self.cpu

    @property
    def machine(self) -> str:
        """The profile where the prices of consumption do not apply."""
        return "" if self.profile == CONSUMPTION else self.profile

    @property
    def memory_gib(self) -> str:
        """As Container Apps writes it: 0.5Gi, 4Gi, 120Gi."""
        return f"{self.memory / 1024:g}Gi"


def fit(node: Node) -> Fit:
    """The smallest profile that gives what the node asks for; the largest there is when nothing does (see `check`)."""
    cpu, memory = node.size.cpu, node.size.memory
    steps = max(math.ceil(cpu / STEP_CPU), math.ceil(memory / 512), math.ceil(_cpu_for_disk(node.disk) / STEP_CPU))
    if steps * STEP_CPU <= MAX_CPU:
        given = Fit(CONSUMPTION, steps * STEP_CPU, steps * 512)
        if (given.cpu, given.memory) == (cpu, memory):
            return given
        why = (
            f"raised to {given.cpu:g} vCPU / {given.memory / 1024:g} GiB: memory (2 GiB per vCPU) and disk "
            "come with the vCPU on Container Apps"
        )
        return Fit(given.profile, given.cpu, given.memory, why)
    for profile, (cores, machine) in DEDICATED.items():
        if cpu <= cores and memory < machine:
            why = (
                f"runs on a dedicated {profile} machine ({cores} vCPU / {machine // 1024} GiB), which starts first; to "
                "have such machines costs money also while none runs (`pnodes cost`)"
            )
            return Fit(profile, max(cpu, _cpu_for_disk(node.disk)), memory, why)
    return Fit("E32", cpu, memory)


def _cpu_for_disk(disk: int | None) -> float:
    below = 0.0
    for cpu, gib in DISK:
        if disk is None or disk <= gib:
            return below if below == 0 else below + STEP_CPU
        below = cpu
    return 0.0


def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    """(field, sentence) for everything in the node that Azure cannot do."""
    yield from _check_size(node)
    if not _REGION.fullmatch(node.region):
        text = (
            f'"{node.region}" is not the name of an Azure region: expected lower-case letters and digits without '
            "spaces or hyphens, for example eastus or westeurope (`az account list-locations -o table` lists them)."
        )
        yield "region", text
    if node.timeout > MAX_TIMEOUT:
        text = (
            f"{_hours(node.timeout)} is longer than a run on Container Apps may take here; "
            f"the longest is {_hours(MAX_TIMEOUT)}."
        )
        yield "timeout", text
    if node.disk is not None and node.disk > MAX_DISK:
        text = (
            f"{node.disk} GiB cannot be had on Azure: a container's disk comes with its vCPU, {MAX_DISK} GiB at most; "
            "ask for no more, or use aws, which goes to 200 GiB."
        )
        yield "disk", text
    if len(node.name) + names.AUTONAME_DIGITS > MAX_JOB_NAME:
        text = (
            f'"{node.name}" has {len(node.name)} characters; a Container Apps job is named after the node and '
            f"leaves room for {MAX_JOB_NAME - names.AUTONAME_DIGITS}."
        )
        yield "name", text
    for name in node.env:
        if not _ENV_NAME.fullmatch(name):
            yield "env", f'"{name}" cannot name a variable on Container Apps: use letters, digits, "_", "-" and dots.'
    yield from _check_tags(node)
    for what, value in (("project", project), ("stack", stack)):
        if len(value) > MAX_TAG_VALUE:
            yield "tags", f"the {what}'s name has {len(value)} characters and is a tag; Azure takes {MAX_TAG_VALUE}."


def _check_size(node: Node) -> Iterator[tuple[str, str]]:
    cpu, memory = node.size.cpu, node.size.memory
    largest_cpu = max(cores for cores, _ in DEDICATED.values())
    largest_memory = max(machine for _, machine in DEDICATED.values())
    asked = fit(node)
    if asked.profile == CONSUMPTION:
        return
    cores, machine = DEDICATED[asked.profile]
    if cpu > cores or memory >= machine:
        text = (
            f"{cpu:g} vCPU / {memory / 1024:g} GiB is more than Container Apps has: the largest machine is E32 with "
            f"{largest_cpu} vCPU / {largest_memory // 1024} GiB, of which a run gets less than all the memory; "
            f"ask for at most {largest_cpu} vCPU / {largest_memory // 1024 - 8} GiB."
        )
        yield "size", text
    elif (cpu / STEP_CPU) % 1:
        yield "size", f"{cpu:g} vCPU is not a multiple of {STEP_CPU:g}, as Container Apps wants it."


def _check_tags(node: Node) -> Iterator[tuple[str, str]]:
    if len(node.tags) + len(OWN_TAGS) > MAX_TAGS:
        text = (
            f"{len(node.tags)} tags are too many: Azure takes {MAX_TAGS} for a resource, {len(OWN_TAGS)} of them are "
            f"{', '.join(OWN_TAGS)}."
        )
        yield "tags", text
    seen: dict[str, str] = {name: name for name in OWN_TAGS}
    for key, value in node.tags.items():
        lower = key.lower()
        if lower in seen and seen[lower] != key:
            yield "tags", f'"{key}" and "{seen[lower]}" are one tag on Azure, which does not tell capitals apart.'
        seen[lower] = key
        if not key or len(key) > MAX_TAG_KEY:
            yield "tags", f'the tag "{key}" has {len(key)} characters; Azure takes 1 to {MAX_TAG_KEY}.'
        if _TAG_KEY_REFUSED.search(key):
            yield "tags", f'the tag "{key}" has one of the characters < > % & \\ ? / that Azure refuses.'
        if lower.startswith(_TAG_KEY_RESERVED):
            yield "tags", f'the tag "{key}" begins with a word that Azure keeps: {", ".join(_TAG_KEY_RESERVED)}.'
        if len(value) > MAX_TAG_VALUE:
            yield "tags", f'the value of tag "{key}" has {len(value)} characters; Azure takes {MAX_TAG_VALUE}.'


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
