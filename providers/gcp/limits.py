"""What Google Cloud cannot do: sizes, disk, regions, time-outs and labels, checked before anything is built.

Cloud Run jobs come with 1, 2, 4, 6 or 8 vCPU, each with a range of memory (docs: run/jobs "cpu" and "memory-limits").
The provider checks none of this at plan, nor names, cron lines or labels.

`disk` is refused. What a container writes takes from its memory; an ephemeral disk can be mounted at one path, which is
not what `disk` means (files beside the program would still be memory), exists in eight regions, and is 10 GiB both at
least and, without a raised quota, at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nodefile import Node

# vCPU -> (least, most) MiB.
MACHINES = {1: (512, 4096), 2: (512, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, 32768)}
MAX_TIMEOUT = 24 * 3600
"""Seconds. Cloud Run takes a task of up to 168 h; what works longer than a day has missed its round."""
MAX_LABELS, MAX_LABEL = 64, 63
OWN_LABELS = ("project", "stack", "node")
MAX_ENV, OWN_ENV = 1000, 10
REMARKS = {
    "timeout": f"up to {MAX_TIMEOUT // 3600} h",
    "disk": "refused, because files take from the memory",
    "env": "refuses `PORT`, `K_...` and `CLOUD_RUN_...`",
    "tags": "labels of lower-case letters, digits, `_` and `-` only",
}
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_LABEL_KEY = re.compile(r"(?!goog)[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_ENV_RESERVED = re.compile(r"PORT|CLOUD_RUN_.*|K_.*")


@dataclass(frozen=True)
class Fit:
    """What will really be asked for: whole vCPUs and memory in MiB; `note` says why it is more."""

    cpu: int
    memory: int
    note: str | None = None
    disk: None = None
    machine: str = ""

    @property
    def vcpu(self) -> float:
        """Number of vCPUs."""
        return self.cpu

    @property
    def limits(self) -> dict[str, str]:
        """As Cloud Run writes it."""
        return {"cpu": str(self.cpu), "memory": f"{self.memory}Mi"}


def fit(node: Node) -> Fit:
    """The smallest machine that gives what the node asks for; the largest there is when none does (see `check`)."""
    cpu, memory = node.size.cpu, node.size.memory
    for cores, (least, most) in MACHINES.items():
        if cpu <= cores and memory <= most:
            given = Fit(cores, max(memory, least))
            if (given.cpu, given.memory) == (cpu, memory):
                return given
            why = (
                f"raised to {given.cpu} vCPU / {given.memory / 1024:g} GiB, the next that Cloud Run jobs have: "
                "each number of vCPUs has its own range of memory"
            )
            return Fit(given.cpu, given.memory, why)
    return Fit(8, MACHINES[8][1])


def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    """(field, sentence) for everything in the node that Google Cloud cannot do."""
    cpu, memory = node.size.cpu, node.size.memory
    if cpu > 8 or memory > MACHINES[8][1]:
        text = (
            f"{cpu:g} vCPU / {memory / 1024:g} GiB is more than a Cloud Run job has; the largest is 8 vCPU / 32 GiB. "
            "Ask for no more, or use aws (16 vCPU / 120 GiB) or azure."
        )
        yield "size", text
    if not _REGION.fullmatch(node.region):
        text = (
            f'"{node.region}" is not the name of a Google Cloud region: expected a name such as us-central1 or '
            "europe-west1 (`gcloud run regions list` lists them)."
        )
        yield "region", text
    if node.timeout > MAX_TIMEOUT:
        yield "timeout", f"{node.timeout / 3600:g} h is longer than a run may take here; the longest is 24 h."
    if node.disk is not None:
        text = (
            f"{node.disk} GiB cannot be had on Google Cloud: files that a Cloud Run job writes take from its memory; "
            "leave `disk` out and choose a size with room for them, or use aws, which goes to 200 GiB."
        )
        yield "disk", text
    yield from _check_env(node)
    yield from _check_labels(node)


def _check_env(node: Node) -> Iterator[tuple[str, str]]:
    if len(node.env) > MAX_ENV - OWN_ENV:
        text = (
            f"{len(node.env)} variables are too many: Cloud Run takes {MAX_ENV}, {OWN_ENV} of them are the node's own."
        )
        yield "env", text
    for name in node.env:
        if _ENV_RESERVED.fullmatch(name):
            text = f'"{name}" is for Cloud Run to set, as are all CLOUD_RUN_... and K_...: choose another name.'
            yield "env", text


def _check_labels(node: Node) -> Iterator[tuple[str, str]]:
    if len(node.tags) + len(OWN_LABELS) > MAX_LABELS:
        text = (
            f"{len(node.tags)} tags are too many: Google Cloud takes {MAX_LABELS} labels, {len(OWN_LABELS)} of them "
            f"are {', '.join(OWN_LABELS)}."
        )
        yield "tags", text
    for key, value in node.tags.items():
        if not _LABEL_KEY.fullmatch(key):
            text = (
                f'"{key}" cannot be a label on Google Cloud: expected 1 to {MAX_LABEL} lower-case letters, digits, '
                '"_" or "-", beginning with a letter and not with goog.'
            )
            yield "tags", text
        if not _LABEL_VALUE.fullmatch(value):
            text = (
                f'"{value}" cannot be the value of a label on Google Cloud: expected at most {MAX_LABEL} lower-case '
                'letters, digits, "_" or "-".'
            )
            yield "tags", text
