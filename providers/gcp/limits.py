"""The limits of Google Cloud on sizes, disk, regions, time-outs and labels, checked before anything is built.

Cloud Run jobs have 1, 2, 4, 6 or 8 vCPU, each with a range of memory (docs: run/jobs "cpu" and "memory-limits"). In a
preview, the provider checks neither these nor names, cron lines and labels.

`disk` is refused, since files that a container writes use its memory. An ephemeral disk is not a replacement: it is
mounted at one path, so that files elsewhere would still use memory; it exists in eight regions only; and it has exactly
10 GiB unless the quota is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nodefile import Node
from providers import fit as machines

# vCPU -> (minimum, maximum) MiB.
MACHINES = {1: (512, 4096), 2: (512, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, 32768)}
MAX_TIMEOUT = 24 * 3600
"""Seconds. Cloud Run allows 168 h per task, but a run of more than a day has missed its round."""
MAX_LABELS, MAX_LABEL = 64, 63
OWN_LABELS = ("project", "stack", "node")
MAX_ENV, OWN_ENV = 1000, 10
REMARKS = {
    "timeout": f"up to {MAX_TIMEOUT // 3600} h",
    "disk": "refused, because files use the memory",
    "env": "refuses `PORT`, `K_...` and `CLOUD_RUN_...`",
    "tags": "labels of lower-case letters, digits, `_` and `-` only",
}
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_LABEL_KEY = re.compile(r"(?!goog)[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_ENV_RESERVED = re.compile(r"PORT|CLOUD_RUN_.*|K_.*")


class Fit(machines.Fit):
    """A node's machine, which has whole vCPUs."""

    @property
    def limits(self) -> dict[str, str]:
        """Resource limits in Cloud Run's notation."""
        return {"cpu": f"{self.vcpu:g}", "memory": f"{self.memory}Mi"}


def fit(node: Node) -> Fit:
    """Return the smallest machine with the node's size, or the largest if none is large enough (see `check`)."""
    cpu, memory = node.size.cpu, node.size.memory
    for cores, (minimum, maximum) in MACHINES.items():
        if cpu <= cores and memory <= maximum:
            given = max(memory, minimum)
            why = (
                f"raised to {cores} vCPU / {given / 1024:g} GiB, the next size of Cloud Run jobs: each number of vCPUs "
                "has its own range of memory"
            )
            return Fit(cores, given, None if (cores, given) == (cpu, memory) else why)
    return Fit(8, MACHINES[8][1])


def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for each of the node's settings that Google Cloud cannot provide."""
    cpu, memory = node.size.cpu, node.size.memory
    if cpu > 8 or memory > MACHINES[8][1]:
        text = (
            f"{cpu:g} vCPU / {memory / 1024:g} GiB is more than a Cloud Run job can have; the largest is 8 vCPU / 32 "
            "GiB. Choose a smaller size, or use aws (16 vCPU / 120 GiB) or azure."
        )
        yield "size", text
    if not _REGION.fullmatch(node.region):
        text = (
            f'"{node.region}" is not the name of a Google Cloud region: expected a name such as us-central1 or '
            "europe-west1 (`gcloud run regions list` lists them)."
        )
        yield "region", text
    if node.timeout > MAX_TIMEOUT:
        yield "timeout", f"{node.timeout / 3600:g} h is longer than a run may take here; the maximum is 24 h."
    if node.disk is not None:
        text = (
            f"{node.disk} GiB is not available on Google Cloud: files that a Cloud Run job writes use its memory; "
            "remove `disk` and choose a size with enough memory for the files, or use aws, which has up to 200 GiB."
        )
        yield "disk", text
    yield from _check_env(node)
    yield from _check_labels(node)


def _check_env(node: Node) -> Iterator[tuple[str, str]]:
    variables = list(node.list_variables())
    if len(variables) > MAX_ENV - OWN_ENV:
        text = f"{len(variables)} variables are too many: Cloud Run allows {MAX_ENV}, of which {OWN_ENV} are reserved."
        yield "env", text
    for key, name in variables:
        if _ENV_RESERVED.fullmatch(name):
            text = f'"{name}" is reserved for Cloud Run, as are all CLOUD_RUN_... and K_...: choose another name.'
            yield key, text


def _check_labels(node: Node) -> Iterator[tuple[str, str]]:
    if len(node.tags) + len(OWN_LABELS) > MAX_LABELS:
        text = (
            f"{len(node.tags)} tags are too many: Google Cloud allows {MAX_LABELS} labels, and {', '.join(OWN_LABELS)} "
            f"are {len(OWN_LABELS)} of them."
        )
        yield "tags", text
    for key, value in node.tags.items():
        if not _LABEL_KEY.fullmatch(key):
            text = (
                f'"{key}" cannot be a label\'s key on Google Cloud: expected 1 to {MAX_LABEL} lower-case letters, '
                'digits, "_" or "-", beginning with a letter but not with "goog".'
            )
            yield "tags", text
        if not _LABEL_VALUE.fullmatch(value):
            text = (
                f'"{value}" cannot be a label\'s value on Google Cloud: expected at most {MAX_LABEL} lower-case '
                'letters, digits, "_" or "-".'
            )
            yield "tags", text
