"""The limits of Azure on sizes, disk, regions, time-outs and tags, checked before anything is built.

Container Apps' Consumption profile offers sizes in steps of 0.25 vCPU with exactly 2 GiB per vCPU, up to 4 vCPU / 8
GiB. Larger nodes run on a serverless T4 profile if it is large enough and their region has it: like Consumption, it is
billed by the second of a run, and always as a whole. Other large nodes run on a dedicated workload profile: a virtual
machine that exists only while a run needs it. An environment with such a profile is billed by the hour, even without
machines. A replica gets less than all of a dedicated machine's memory, because the machine's agents need some.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from nodefile import Node
from providers import fit as machines
from providers.azure import names
from providers.azure.prices import PRICES
from providers.tags import check_tags

CONSUMPTION = "Consumption"
STEP_CPU, MAX_CPU, MAX_MEMORY = 0.25, 4.0, 8192
# profile -> (vCPU, MiB) of its machines, in ascending order of price.
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
# The profile of serverless T4 machines: its name, its type in Azure, its vCPU and MiB.
SERVERLESS, SERVERLESS_TYPE = "T4", "Consumption-GPU-NC8as-T4"
SERVERLESS_CPU, SERVERLESS_MEMORY = 8, 56 * 1024
# `az containerapp env workload-profile list-supported --location REGION` lists a region's profiles.
SERVERLESS_REGIONS = frozenset(
    {
        *("australiaeast", "brazilsouth", "canadacentral", "centralindia", "eastus", "francecentral", "italynorth"),
        *("japaneast", "northcentralus", "southcentralus", "southeastasia", "southindia", "swedencentral"),
        *("westeurope", "westus", "westus2", "westus3"),
    }
)
# The usual quota of dedicated cores of an environment, by the first letter of the profile. Azure rejects a profile
# whose machines together may have more.
DEDICATED_CORES = {"D": 100, "E": 50}
# A replica's ephemeral disk depends on its vCPUs and cannot be set: (maximum vCPU, GiB).
DISK = ((0.25, 1), (0.5, 2), (1.0, 4), (math.inf, 8))
MAX_DISK = 8
MAX_TIMEOUT = 24 * 3600
MAX_JOB_NAME = 32
REMARKS = {
    "region": "without spaces or hyphens",
    "timeout": f"up to {MAX_TIMEOUT // 3600} h",
    "disk": f"depends on the vCPU, at most {MAX_DISK} GiB",
    "tags": "tags",
}
_REGION = re.compile(r"[a-z]{3,}[a-z0-9]*")
# Regions of clouds with other hosts than those that the trigger, the builds and `pnodes` call.
_OTHER_CLOUDS = ("china", "usdod", "usgov")
_TAG_KEY_REFUSED = re.compile(r"[<>%&\\?/\x00-\x1f\x7f]")
_TAG_KEY_RESERVED = ("microsoft", "azure", "windows")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


class Fit(machines.Fit):
    """A node's machine: of the Consumption profile, a serverless T4 machine, or a dedicated machine."""

    @property
    def profile(self) -> str:
        """The workload profile."""
        return self.machine or CONSUMPTION

    @property
    def cpu(self) -> float:
        """Number of vCPUs."""
        return self.vcpu

    @property
    def memory_gib(self) -> str:
        """Memory in Container Apps' notation: 0.5Gi, 4Gi, 120Gi."""
        return f"{self.memory / 1024:g}Gi"


def fit(node: Node) -> Fit:
    """Return the smallest machine with the node's size, or the largest if none is large enough (see `check`)."""
    cpu, memory, disk_cpu = node.size.cpu, node.size.memory, _find_cpu_for_disk(node.disk)
    steps = max(math.ceil(cpu / STEP_CPU), math.ceil(memory / 512), math.ceil(disk_cpu / STEP_CPU))
    if steps * STEP_CPU <= MAX_CPU:
        given = steps * STEP_CPU, steps * 512
        why = (
            f"raised to {given[0]:g} vCPU / {given[1] / 1024:g} GiB: on Container Apps, memory (2 GiB per vCPU) and "
            "disk depend on the vCPU"
        )
        return Fit(*given, None if given == (cpu, memory) else why)
    serverless = cpu <= SERVERLESS_CPU and memory <= SERVERLESS_MEMORY
    if serverless and node.region in SERVERLESS_REGIONS:
        why = (
            f"runs on a serverless T4 machine ({SERVERLESS_CPU} vCPU / {SERVERLESS_MEMORY // 1024} GiB and a GPU), "
            "which is billed as a whole while it runs and costs nothing while idle"
        )
        return Fit(SERVERLESS_CPU, SERVERLESS_MEMORY, why, machine=SERVERLESS)
    for profile, (cores, mib) in DEDICATED.items():
        if cpu <= cores and memory < mib:
            why = (
                f"runs on a dedicated {profile} machine ({cores} vCPU / {mib // 1024} GiB), which is started for each "
                f"run; for such machines, Azure bills {PRICES.machines_month:.0f} USD a month even while none runs"
            )
            if serverless:
                why += "; in other regions, such as eastus, this size costs nothing while idle"
            return Fit(max(cpu, disk_cpu), memory, why, machine=profile)
    return Fit(cpu, memory, machine="E32")


def count_machines(profile: str) -> int:
    """Return how many machines of a dedicated profile the usual quota allows."""
    return DEDICATED_CORES[profile[0]] // DEDICATED[profile][0]


def _find_cpu_for_disk(disk: int | None) -> float:
    below = 0.0
    for cpu, gib in DISK:
        if disk is None or disk <= gib:
            return below if below == 0 else below + STEP_CPU
        below = cpu
    return 0.0


def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for each of the node's settings that Azure cannot provide."""
    yield from _check_size(node)
    if not _REGION.fullmatch(node.region):
        text = (
            f'"{node.region}" is not the name of an Azure region: expected lower-case letters and digits without '
            "spaces or hyphens, for example eastus or westeurope (`az account list-locations -o table` lists them)."
        )
        yield "region", text
    elif node.region.startswith(_OTHER_CLOUDS):
        text = f"{node.region} is not in Azure's public cloud, and nodes need that one; choose a region such as eastus."
        yield "region", text
    if node.timeout > MAX_TIMEOUT:
        text = (
            f"{_format_hours(node.timeout)} is longer than a run may take here; the maximum is "
            f"{_format_hours(MAX_TIMEOUT)}."
        )
        yield "timeout", text
    if node.disk is not None and node.disk > MAX_DISK:
        text = (
            f"{node.disk} GiB is not available on Azure: a container's disk depends on its vCPU and has at most "
            f"{MAX_DISK} GiB; choose a smaller disk, or use aws, which has up to 200 GiB."
        )
        yield "disk", text
    if len(node.name) + names.AUTONAME_DIGITS > MAX_JOB_NAME:
        text = (
            f'"{node.name}" has {len(node.name)} characters; the Container Apps job is named after the node, so '
            f"the name may have at most {MAX_JOB_NAME - names.AUTONAME_DIGITS}."
        )
        yield "name", text
    for name in node.env:
        if not _ENV_NAME.fullmatch(name):
            yield "env", f'"{name}" cannot name a variable on Container Apps: use letters, digits, "_", "-" and dots.'
    for sentence in (*check_tags(node, project, stack, "Azure", "on Azure, which ignores"), *_check_tags(node)):
        yield "tags", f"{sentence}."


def _check_size(node: Node) -> Iterator[tuple[str, str]]:
    cpu, memory = node.size.cpu, node.size.memory
    largest_cpu = max(cores for cores, _ in DEDICATED.values())
    largest_memory = max(mib for _, mib in DEDICATED.values())
    profile = fit(node).profile
    if profile in (CONSUMPTION, SERVERLESS):
        return
    cores, mib = DEDICATED[profile]
    if cpu > cores or memory >= mib:
        text = (
            f"{cpu:g} vCPU / {memory / 1024:g} GiB is more than Container Apps has: the largest machine is E32 with "
            f"{largest_cpu} vCPU / {largest_memory // 1024} GiB, and a run gets less than all of its memory; "
            f"choose at most {largest_cpu} vCPU / {largest_memory // 1024 - 8} GiB."
        )
        yield "size", text
    elif (cpu / STEP_CPU) % 1:
        yield "size", f"{cpu:g} vCPU is not a multiple of {STEP_CPU:g}, which Container Apps requires."


def _check_tags(node: Node) -> Iterator[str]:
    for key in node.tags:
        if _TAG_KEY_REFUSED.search(key):
            yield f'the tag "{key}" contains one of the characters < > % & \\ ? / that Azure refuses'
        if key.lower().startswith(_TAG_KEY_RESERVED):
            yield f'the tag "{key}" begins with a word that Azure reserves: {", ".join(_TAG_KEY_RESERVED)}'


def _format_hours(seconds: int) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
