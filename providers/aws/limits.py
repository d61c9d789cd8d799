"""The limits of AWS on sizes, disk, regions, time-outs, schedules, names and tags, checked before anything is built.

A job runs on Fargate, which offers fixed pairs of vCPU and memory: a size between two pairs is raised to the next pair.
Only a node whose disk is too large for Fargate (more than 200 GiB) runs on an EC2 machine, which is started for each
run. Settings that AWS would silently ignore, such as empty variables, are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from nodefile import Node
from providers import fit as machines
from providers.aws import names
from providers.aws.schedule import NotOnAws, write_expression
from providers.tags import check_tags

FARGATE, EC2 = "FARGATE", "EC2"
_GIB = 1024
# CPU units -> possible MiB. Source: the table of task sizes in the ECS guide, which also applies to Batch.
PAIRS: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
MAX_CPU, MAX_MEMORY = 16, 120 * _GIB
# Every task has 20 GiB; an explicit size must be between 21 and 200.
FREE_DISK, MAX_FARGATE_DISK, MAX_DISK = 20, 200, 16 * _GIB - 64
MIN_TIMEOUT, MAX_TIMEOUT = 60, 14 * 24 * 3600
# A job definition may have 24 KiB; its other parts (image, references, log options) need less than 4.
MAX_ENVIRONMENT = 20 * _GIB
# The most bytes of a reference to a secret in it.
REFERENCE = 320
MAX_POLICIES = 10
"""Managed policies of a role, by AWS's usual quota."""
REMARKS = {
    "region": "only regions with Lambda's function URLs and CodeBuild (not `eu-central-2`, for example)",
    "timeout": f"{MIN_TIMEOUT} s to {MAX_TIMEOUT // 86400} days",
    "disk": f"{FREE_DISK} GiB by default, up to {MAX_FARGATE_DISK} GiB, or more on an EC2 machine started for the run",
    "schedule": "refuses lines that set both the day of the month and the weekday",
    "env": "refuses empty values, which Batch would drop, and names that begin with `AWS_BATCH`",
    "tags": "tags",
}
# What some regions lack. Sources: docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html, and the endpoints that
# botocore 1.44.5 lists for CodeBuild.
LACKS = {
    **dict.fromkeys(("ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-5"), "function URLs of Lambda"),
    **dict.fromkeys(("ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2"), "function URLs of Lambda"),
    **dict.fromkeys(("eu-south-2", "il-central-1", "me-central-1"), "function URLs of Lambda"),
    "mx-central-1": "CodeBuild",
}
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_TAG = re.compile(r"[\w\s+\-=.:/@]*")


class Fit(machines.Fit):
    """A node's machine: on Fargate, or an EC2 machine, which Fargate's prices do not cover."""

    @property
    def platform(self) -> str:
        """FARGATE or EC2."""
        return self.machine or FARGATE

    @property
    def queue(self) -> str:
        """FARGATE, or EC2 with the size of the machines' disks: 256, 512, 1024 GiB and so on."""
        size = min(max(256, 1 << ((self.disk or 1) - 1).bit_length()), MAX_DISK)
        return f"{EC2}-{size}" if self.platform == EC2 else FARGATE

    @property
    def vcpus(self) -> str:
        """Number of vCPUs in Batch's notation: 0.25, 0.5, 1 ... 16."""
        return f"{self.vcpu:g}"


def fit(node: Node) -> Fit:
    """Return the smallest machine with the node's size, or the largest if none is large enough (see `check`)."""
    requested = node.size.cpu_units, node.size.memory
    disk = node.disk if node.disk and node.disk > FREE_DISK else None
    if disk and disk > MAX_FARGATE_DISK:
        why = (
            "runs on an EC2 machine of 16 vCPU / 128 GiB, which is started for each run and billed while it runs: "
            f"Fargate has at most {MAX_FARGATE_DISK} GiB of disk"
        )
        # All of it: on a machine with two runs, neither would have the disk that it requests.
        return Fit(MAX_CPU, MAX_MEMORY, why, disk, EC2)
    pairs = ((units, mib) for units, amounts in PAIRS.items() for mib in amounts)
    cpu, memory = next(
        ((units, mib) for units, mib in pairs if units >= requested[0] and mib >= requested[1]),
        (MAX_CPU * 1024, MAX_MEMORY),
    )
    note = f"raised to {cpu / 1024:g} vCPU / {memory / _GIB:g} GiB, the next pair that Fargate has"
    return Fit(cpu / 1024, memory, None if (cpu, memory) == requested else note, disk)


def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for each of the node's settings that AWS cannot provide."""
    if node.size.cpu > MAX_CPU or node.size.memory > MAX_MEMORY:
        text = (
            f"{node.size.cpu:g} vCPU / {node.size.memory / _GIB:g} GiB is more than Fargate has; the largest is "
            f"{MAX_CPU} vCPU / {MAX_MEMORY // _GIB} GiB"
        )
        yield "size", text
    if not _REGION.fullmatch(node.region):
        yield "region", f'"{node.region}" is not the name of an AWS region: expected one such as us-east-1'
    elif node.region in LACKS:
        yield "region", f"{node.region} has no {LACKS[node.region]}, which nodes need; choose one such as us-east-1"
    if not MIN_TIMEOUT <= node.timeout <= MAX_TIMEOUT:
        text = (
            f"{node.timeout} s is not possible for a Batch job; the minimum is {MIN_TIMEOUT} s and the maximum "
            f"{MAX_TIMEOUT // 86400} days"
        )
        yield "timeout", text
    if node.disk is not None and node.disk > MAX_DISK:
        yield "disk", f"{node.disk} GiB is more than an EBS volume can hold; the largest is {MAX_DISK} GiB"
    if node.schedule:
        try:
            write_expression(node.schedule)
        except NotOnAws as error:
            yield "schedule", str(error)
    if len(node.rights) > MAX_POLICIES:
        text = (
            f"{len(node.rights)} policies are more than a role may have; the limit is {MAX_POLICIES}: put their "
            "statements into fewer policies"
        )
        yield "aws", text
    yield from _check_names(node, project, stack)
    yield from _check_env(node)
    for sentence in (*check_tags(node, project, stack, "AWS", "for IAM roles, which ignore"), *_check_tags(node)):
        yield "tags", sentence


def _check_names(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
    function, definition = names.name_function(project, stack), names.name_definition(project, stack, node.name)
    for what, name, most in (
        ("function", function, names.MAX_FUNCTION),
        ("job definition", definition, names.MAX_DEFINITION),
    ):
        if len(name) > most:
            text = (
                f'the {what}\'s name "{name}" has {len(name)} characters; AWS allows {most}: shorten the name of the '
                f"{'' if what == 'function' else 'node, the '}stack or the project"
            )
            yield "name", text
    for what, value in (("project", project), ("stack", stack)):
        if not names.FUNCTION.fullmatch(value) or not names.REPOSITORY_PART.fullmatch(value):
            text = (
                f'the {what}\'s name "{value}" becomes part of names on AWS: expected lower-case letters and digits, '
                'joined by single "-" or "_"'
            )
            yield "name", text


def _check_env(node: Node) -> Iterator[tuple[str, str]]:
    for name, value in node.env.items():
        if not value:
            yield "env", f'"{name}" is empty, and Batch drops empty variables; remove it or give it a value'
    for key, name in node.list_variables():
        if name.startswith("AWS_BATCH"):
            yield key, f'"{name}" begins with AWS_BATCH, which Batch reserves for its own variables'
    size = len(json.dumps([node.env, node.command])) + REFERENCE * len(node.secrets)
    if size > MAX_ENVIRONMENT:
        text = (
            f"variables and command have {size} bytes; a Batch job definition allows {MAX_ENVIRONMENT}: put long "
            "values into a file of the image"
        )
        yield "env", text


def _check_tags(node: Node) -> Iterator[str]:
    for key, value in node.tags.items():
        if key.lower().startswith("aws:"):
            yield f'the tag "{key}" begins with aws:, which AWS reserves for itself'
        for text in (key, value):
            if not _TAG.fullmatch(text):
                yield f'"{text}": AWS allows letters, digits, spaces and + - = . _ : / @ in tags'
